//! The policy: who is granted what, changed while the system runs.

use std::fmt;
use std::sync::{Arc, Weak};

use castcall_core::{ComponentId, TargetPattern};

use crate::capabilities::Capabilities;
use crate::change::{Change, Observer};
use crate::error::PolicyError;
use crate::rights::Rights;
use crate::rule::{Compiled, CompiledRule, Rule};
use crate::rules::Rules;
use crate::sync::{AtomicU64, Mutex, Ordering, RwLock};

/// Who is granted what. To be shared between threads, and changed while the system runs.
///
/// A policy is made of rules, one for each id or pattern over ids. What any rule for a component
/// grants is granted to it, but for what any rule for it revokes. Without a rule, nothing is. A new
/// policy has one rule: `host` is granted everything, until the rule for `host` is
/// [set](Policy::set) to less.
///
/// ```
/// use castcall_core::{ComponentId, TargetPattern};
/// use castcall_policy::{Capabilities, Policy};
///
/// let policy = Policy::new();
/// let shop: TargetPattern = "shop/*".parse()?;
/// policy.grant(&shop, &Capabilities::none().with_cast("shop/*".parse()?))?;
///
/// // What the manifest asks for, at load.
/// let asked = Capabilities::none().with_cast("*".parse()?).with_call("*".parse()?);
/// let mut rights = policy.rights(&ComponentId::new("shop/orders")?, &asked);
/// assert!(rights.may_cast("shop/stock"));
/// assert!(!rights.may_cast("bank/vault") && !rights.may_call("shop/stock"));
///
/// // At each send: one load and a comparison, as long as nothing has changed.
/// policy.revoke(&"shop/orders".parse()?, &Capabilities::none().with_cast("shop/stock".parse()?))?;
/// assert!(policy.refresh(&mut rights));
/// assert!(!rights.may_cast("shop/stock") && rights.may_cast("shop/till"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A change copies the rule that it changes, if that is in use: some 50 ns for each of its patterns.
/// Nobody waits for it whose rights are as new as the last change.
///
/// # When a change is in force
///
/// Every change, once made, raises the [generation](Policy::generation) by one; rights say
/// [of which generation](Rights::generation) they are. Whoever compares the two *before* each send,
/// and [refreshes](Policy::refresh) rights that are behind, never lets a send through that starts
/// after [`Policy::revoke`] returned:
///
/// 1. Rules and generation change under one write lock, the generation last. Rights take both under
///    the read lock, so rights of generation *g* hold every change up to *g* and none beyond.
/// 2. "After" means that the return of `revoke` *happens before* the send: on the same thread, or
///    told from thread to thread by anything that synchronises, such as a channel, a lock, or a
///    message through a mailbox. Then the sender's load of the generation can't see an older value
///    than the one that the change wrote: that is coherence, which holds for one atomic whatever
///    the ordering.
/// 3. The load differs from the older rights' generation, so they are made anew under the read lock,
///    which comes after the write lock of the change: what the load saw was written under it. By 1
///    they hold the change.
///
/// So the order of the load does not matter to the promise; it is `Acquire`, and the change
/// `Release`, so that what the changing thread did before is seen together with the generation. A
/// send that runs at the same time as `revoke` is decided by either state, never by a mixture.
///
/// Where nothing synchronises, there is no "after" that a program could see; the load sees the
/// change as soon as the processor's caches agree, within nanoseconds.
#[derive(Debug)]
pub struct Policy {
    /// Written under the write lock of `rules` only.
    generation: AtomicU64,
    rules: RwLock<Rules>,
    /// Who is told of changes; locked from before a change until all were told, so that they hear
    /// of changes in their order.
    observers: Mutex<Observers>,
}

#[derive(Default)]
struct Observers(Vec<Weak<dyn Observer>>);

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observers").field(&self.0.len()).finish()
    }
}

impl Observers {
    fn tell(&mut self, change: &Change<'_>) {
        self.0.retain(|observer| match observer.upgrade() {
            Some(observer) => {
                observer.changed(change);
                true
            }
            None => false,
        });
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::with(Rules::new())
    }
}

impl Policy {
    /// How many patterns the rules of a policy may have, granted and revoked.
    pub const MAX_PATTERNS: usize = 1_000_000;

    /// A policy that grants `host` everything, and others nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A policy that grants everybody everything: for programs that trust all their components,
    /// and for tests.
    ///
    /// ```
    /// use castcall_core::ComponentId;
    /// use castcall_policy::{Capabilities, Policy};
    ///
    /// let rights = Policy::open().rights(&ComponentId::new("any/body")?, &Capabilities::all());
    /// assert!(rights.may_cast("host"));
    /// # Ok::<(), castcall_core::InvalidComponentId>(())
    /// ```
    #[must_use]
    pub fn open() -> Self {
        Self::with(Rules::open())
    }

    /// A policy of these rules, and of that for `host` if there is none among them.
    ///
    /// # Errors
    ///
    /// Two rules are for the same; one has the same pattern twice, or grants what it revokes; there
    /// are too many patterns.
    pub fn from_rules(rules: impl IntoIterator<Item = Rule>) -> Result<Self, PolicyError> {
        Rules::from_rules(rules).map(Self::with)
    }

    fn with(rules: Rules) -> Self {
        let (generation, rules) = (AtomicU64::new(0), RwLock::new(rules));
        Self { generation, rules, observers: Mutex::default() }
    }

    /// How many changes there have been. One load.
    #[inline]
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Grants these too to whomever `who` stands for, and lifts what was revoked from that very
    /// `who` of it.
    ///
    /// What is revoked from others that stand for the same component stays revoked.
    ///
    /// # Errors
    ///
    /// No pattern, or the same twice; one that is revoked from `who` in part; too many patterns.
    pub fn grant(&self, who: &TargetPattern, more: &Capabilities) -> Result<(), PolicyError> {
        some(who, more)?;
        self.change(&Change::Granted(who, more), |rules| rules.grant(who, more))
    }

    /// Takes these from whomever `who` stands for, whichever rule grants them, now or later, until
    /// the same is [granted](Policy::grant) to that very `who` again, or its rule is
    /// [set](Policy::set) or [removed](Policy::remove).
    ///
    /// No send that starts after this has returned has them:
    /// [how so](Policy#when-a-change-is-in-force). What is on its way is delivered.
    ///
    /// # Errors
    ///
    /// No pattern, or the same twice.
    pub fn revoke(&self, who: &TargetPattern, less: &Capabilities) -> Result<(), PolicyError> {
        some(who, less)?;
        self.change(&Change::Revoked(who, less), |rules| {
            rules.revoke(who, less);
            Ok(())
        })
    }

    /// Makes these all that the rule for `who` says: what it granted and revoked before is
    /// forgotten. Other rules grant and revoke what they do.
    ///
    /// # Errors
    ///
    /// The same pattern twice; too many patterns.
    pub fn set(&self, who: &TargetPattern, granted: &Capabilities) -> Result<(), PolicyError> {
        granted.check()?;
        self.change(&Change::Set(who, granted), |rules| rules.set(who, granted))
    }

    /// Takes the rule for `who` out, with what it grants and what it revokes; `false` if there was
    /// none. That for `host` too: then `host` has what other rules grant it.
    pub fn remove(&self, who: &TargetPattern) -> bool {
        let mut observers = self.observers.lock();
        let mut rules = self.rules.write();
        let removed = rules.remove(who);
        if removed {
            self.changed();
            drop(rules);
            observers.tell(&Change::Removed(who));
        }
        removed
    }

    /// Puts these rules in the place of all, in one change; and that for `host`, if there is none
    /// among them.
    ///
    /// # Errors
    ///
    /// As [`Policy::from_rules`].
    pub fn replace(&self, rules: impl IntoIterator<Item = Rule>) -> Result<(), PolicyError> {
        let told: Vec<Rule> = rules.into_iter().collect();
        let new = Rules::from_rules(told.iter().cloned())?;
        let mut observers = self.observers.lock();
        let mut rules = self.rules.write();
        let old = std::mem::replace(&mut *rules, new);
        self.changed();
        drop(rules);
        observers.tell(&Change::Replaced(&told));
        // Freeing takes a while: nobody waits for it.
        drop(old);
        Ok(())
    }

    /// All rules, in the order of whom they are for.
    #[must_use]
    pub fn rules(&self) -> Vec<Rule> {
        let mut all = Vec::new();
        self.rules.read().for_each(|rule| all.push(rule.to_rule()));
        all.sort_unstable_by(|one: &Rule, other| one.who.cmp(&other.who));
        all
    }

    /// The rule for this very `who`.
    #[must_use]
    pub fn rule(&self, who: &TargetPattern) -> Option<Rule> {
        self.rules.read().get(who).map(CompiledRule::to_rule)
    }

    /// What `component` may do if it asks for `asked`, as of now. A native peer has no manifest:
    /// let it ask for [`Capabilities::all`].
    ///
    /// Costs by what is asked for and by how many rules are for that component.
    #[must_use]
    pub fn rights(&self, component: &ComponentId, asked: &Capabilities) -> Arc<Rights> {
        let asked = Arc::new(Compiled::new(asked));
        let (generation, rules) = self.rules_for(component);
        Arc::new(Rights::new(generation, component.clone(), asked, rules))
    }

    /// Brings `rights` up to date. `true` if the rules for that component have changed, so that
    /// what was remembered of the older rights is void.
    ///
    /// One load and a comparison if nothing has changed at all.
    #[inline]
    pub fn refresh(&self, rights: &mut Arc<Rights>) -> bool {
        self.generation() != rights.generation() && self.refresh_changed(rights)
    }

    #[cold]
    fn refresh_changed(&self, rights: &mut Arc<Rights>) -> bool {
        let (generation, rules) = self.rules_for(rights.component());
        let same = rights.is_by(&rules);
        *rights = Arc::new(rights.renewed(generation, rules));
        !same
    }

    /// The rules for a component, and of which generation they are.
    fn rules_for(&self, component: &ComponentId) -> (u64, Box<[Arc<CompiledRule>]>) {
        let rules = self.rules.read();
        // Nobody writes meanwhile.
        (self.generation.load(Ordering::Relaxed), rules.of(component))
    }

    /// Tells `observer` of each change from now on, for as long as it lives.
    pub fn observe(&self, observer: &Arc<dyn Observer>) {
        let mut observers = self.observers.lock();
        observers.0.retain(|known| known.strong_count() > 0);
        observers.0.push(Arc::downgrade(observer));
    }

    fn change(
        &self,
        told: &Change<'_>,
        change: impl FnOnce(&mut Rules) -> Result<(), PolicyError>,
    ) -> Result<(), PolicyError> {
        let mut observers = self.observers.lock();
        let mut rules = self.rules.write();
        change(&mut rules)?;
        self.changed();
        drop(rules);
        observers.tell(told);
        Ok(())
    }

    /// To be called under the write lock, after the change.
    fn changed(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }
}

fn some(who: &TargetPattern, capabilities: &Capabilities) -> Result<(), PolicyError> {
    if capabilities.is_none() {
        return Err(PolicyError::Empty { who: who.clone() });
    }
    capabilities.check()
}
