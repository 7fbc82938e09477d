//! Rules that are made, changed, refused, and explained.
#![cfg(not(loom))]

use castcall_core::{ComponentId, Pattern, TargetPattern, Topic};
use castcall_policy::{
    Action, Capabilities, Capability, Denial, Explanation, Policy, PolicyError, RightsCell, Rule,
};

fn target(text: &str) -> TargetPattern {
    text.parse().unwrap()
}

fn id(text: &str) -> ComponentId {
    text.parse().unwrap()
}

fn cast(pattern: &str) -> Capabilities {
    Capabilities::none().with_cast(target(pattern))
}

fn topics(pattern: &str) -> Capabilities {
    let pattern: Pattern = pattern.parse().unwrap();
    Capabilities::none().with_publish(pattern.clone()).with_subscribe(pattern)
}

fn may_cast(policy: &Policy, who: &str, to: &str) -> bool {
    policy.rights(&id(who), &Capabilities::all()).may_cast(to)
}

#[test]
fn denies_by_default_but_for_the_host() {
    let policy = Policy::new();
    let host = policy.rights(&ComponentId::host(), &Capabilities::all());
    let topic: Topic = "a.b".parse().unwrap();
    assert!(host.may_cast("a") && host.may_call("a/b"));
    assert!(host.may_publish(&topic) && host.may_receive(&topic));
    assert!(host.may_subscribe(&"*".parse().unwrap()));
    assert!(!may_cast(&policy, "cli", "a") && !may_cast(&policy, "host/a", "a"));
    let nothing_asked = policy.rights(&ComponentId::host(), &Capabilities::none());
    assert!(!nothing_asked.may_cast("a"));

    policy.set(&target("host"), &cast("a")).unwrap();
    assert!(may_cast(&policy, "host", "a") && !may_cast(&policy, "host", "b"));
    policy.set(&target("host"), &Capabilities::none()).unwrap();
    assert!(!may_cast(&policy, "host", "a"));
    let again = Policy::from_rules(policy.rules()).unwrap();
    assert!(!may_cast(&again, "host", "a"));
}

#[test]
fn what_is_revoked_stays_so_until_the_same_is_granted_to_the_same() {
    let policy = Policy::new();
    policy.grant(&target("t/*"), &cast("x/*")).unwrap();
    policy.revoke(&target("t/a"), &cast("x/y")).unwrap();
    assert!(!may_cast(&policy, "t/a", "x/y") && may_cast(&policy, "t/a", "x/z"));
    assert!(may_cast(&policy, "t/b", "x/y"));
    policy.grant(&target("t/*"), &cast("x/y")).unwrap();
    assert!(!may_cast(&policy, "t/a", "x/y"));
    policy.grant(&target("t/a"), &cast("x/*")).unwrap();
    assert!(may_cast(&policy, "t/a", "x/y"));

    policy.revoke(&target("t/a"), &cast("*")).unwrap();
    assert!(!may_cast(&policy, "t/a", "x/z"));
    assert!(policy.remove(&target("t/a")) && !policy.remove(&target("t/a")));
    assert!(may_cast(&policy, "t/a", "x/z"));
}

#[test]
fn a_subscription_lies_within_one_pattern_each() {
    let policy = Policy::new();
    let who = target("a");
    policy.grant(&who, &topics("o.eu.*")).unwrap();
    policy.grant(&who, &topics("o.us.*")).unwrap();
    let asked = Capabilities::none().with_subscribe("o.*".parse().unwrap());
    let mut rights = policy.rights(&id("a"), &asked);
    let may = |rights: &castcall_policy::Rights, pattern: &str| {
        rights.may_subscribe(&pattern.parse().unwrap())
    };
    assert!(may(&rights, "o.eu.*") && may(&rights, "o.us.x"));
    assert!(!may(&rights, "o.*") && !may(&rights, "o.*.x") && !may(&rights, "*"));

    // Revoked in part: what is subscribed goes on for the rest.
    policy.revoke(&who, &topics("o.eu.secret")).unwrap();
    assert!(policy.refresh(&mut rights));
    assert!(!may(&rights, "o.eu.*") && may(&rights, "o.eu.open"));
    let may_receive = |topic: &str| rights.may_receive(&topic.parse().unwrap());
    assert!(may_receive("o.eu.open") && !may_receive("o.eu.secret"));
}

#[test]
fn wrong_changes_change_nothing() {
    let policy = Policy::new();
    let who = target("a");
    policy.revoke(&who, &cast("x/*")).unwrap();
    let (generation, rules) = (policy.generation(), policy.rules());
    let empty = Err(PolicyError::Empty { who: who.clone() });
    assert_eq!(policy.grant(&who, &Capabilities::none()), empty);
    assert_eq!(policy.revoke(&who, &Capabilities::none()), empty);
    let twice = || cast("y").with_cast(target("y"));
    let duplicate =
        || Err(PolicyError::Duplicate { capability: Capability::Cast, pattern: "y".into() });
    assert_eq!(policy.grant(&who, &twice()), duplicate());
    assert_eq!(policy.revoke(&who, &twice()), duplicate());
    assert_eq!(policy.set(&who, &twice()), duplicate());
    assert_eq!(policy.replace([Rule::new(who.clone()).granting(twice())]), duplicate());
    let error = policy.grant(&who, &cast("x/y")).unwrap_err();
    assert_eq!(error.to_string(), "cast x/y is granted to a while x/* is revoked");
    assert_eq!((policy.generation(), policy.rules()), (generation, rules));
    // Together they lift it.
    assert_eq!(policy.grant(&who, &cast("x/y").with_cast(target("x/*"))), Ok(()));
}

#[test]
fn rules_come_and_go_as_data() {
    let shop = Rule::new(target("shop/*")).granting(topics("o.*")).revoking(topics("o.secret"));
    let policy = Policy::from_rules([shop.clone()]).unwrap();
    assert_eq!(policy.rule(&target("shop/*")), Some(shop.clone()));
    assert_eq!(policy.rule(&target("shop")), None);
    assert_eq!(policy.rules().len(), 2);
    let json = serde_json::to_string(&policy.rules()).unwrap();
    let read: Vec<Rule> = serde_json::from_str(&json).unwrap();
    assert_eq!(Policy::from_rules(read.clone()).unwrap().rules(), policy.rules());

    let twice = Policy::from_rules([shop.clone(), shop.clone()]).unwrap_err();
    assert_eq!(twice, PolicyError::DuplicateRule { who: target("shop/*") });
    for (granted, revoked) in [
        (cast("x/y"), cast("x/*")),
        (Capabilities::none().with_call(target("x")), Capabilities::all()),
        (topics("o.a"), topics("o.*")),
        (Capabilities::none().with_subscribe("a".parse().unwrap()), topics("a")),
    ] {
        let rule = Rule::new(target("a")).granting(granted).revoking(revoked);
        let error = Policy::from_rules([rule]).unwrap_err();
        assert!(matches!(error, PolicyError::Contradictory { .. }), "{error}");
    }

    let mut rights = policy.rights(&id("shop/a"), &Capabilities::all());
    policy.replace([Rule::new(target("shop/a")).granting(cast("x"))]).unwrap();
    assert!(policy.refresh(&mut rights) && rights.may_cast("x"));
    assert!(may_cast(&policy, "host", "x"));
    assert!(!policy.refresh(&mut rights));
    // Of no matter to it.
    policy.grant(&target("other"), &cast("x")).unwrap();
    assert!(!policy.refresh(&mut rights) && rights.generation() == policy.generation());
    assert!(format!("{rights:?}").contains("component: \"shop/a\""));
}

#[test]
fn a_cell_keeps_up() {
    let policy = Policy::new();
    let cell = RightsCell::new(policy.rights(&id("a"), &Capabilities::all()));
    let may = || cell.with(&policy, |rights| rights.may_cast("b"));
    assert!(!may());
    policy.grant(&target("a"), &cast("b")).unwrap();
    assert!(may() && may() && cell.get(&policy).may_cast("b"));
    policy.revoke(&target("*"), &cast("b")).unwrap();
    assert!(!cell.get(&policy).may_cast("b") && !may());
}

fn explain(policy: &Policy, asked: &Capabilities, action: Action<'_>) -> Explanation {
    policy.rights(&id("shop/orders"), asked).explain(action)
}

#[test]
fn says_why() {
    let policy = Policy::new();
    let asked = cast("shop/*").with_call(target("shop/eu/stock"));
    let (stock, eu, vault) = (id("shop/stock"), id("shop/eu/till"), id("bank/vault"));
    let why = |action| explain(&policy, &asked, action);
    let denial = |action| why(action).denial();

    assert_eq!(denial(Action::Cast(&stock)), Some(Denial::NotGranted));
    assert_eq!(
        why(Action::Cast(&stock)).to_string(),
        "shop/orders may not cast to shop/stock: its manifest asks for shop/*, but no rule is for it"
    );
    policy.grant(&target("shop/*"), &cast("shop/eu/*").with_call(target("bank/*"))).unwrap();
    policy.grant(&target("shop/orders"), &cast("mail").with_call(target("shop/eu/*"))).unwrap();
    assert_eq!(
        why(Action::Cast(&stock)).to_string(),
        "shop/orders may not cast to shop/stock: its manifest asks for shop/*, but it is granted \
         shop/eu/* by the rule for shop/* at most"
    );
    assert_eq!(denial(Action::Call(&vault)), Some(Denial::NotAsked));
    assert_eq!(
        why(Action::Call(&vault)).to_string(),
        "shop/orders may not call bank/vault: its manifest asks for nothing like it, but it is \
         granted bank/* by the rule for shop/*"
    );
    assert_eq!(denial(Action::Call(&eu)), Some(Denial::NotAsked));
    assert_eq!(
        why(Action::Call(&eu)).to_string(),
        "shop/orders may not call shop/eu/till: its manifest asks for shop/eu/stock at most, but \
         it is granted shop/eu/* by the rule for shop/orders"
    );
    assert_eq!(denial(Action::Cast(&vault)), Some(Denial::Neither));
    assert_eq!(
        why(Action::Cast(&vault)).to_string(),
        "shop/orders may not cast to bank/vault: its manifest asks for nothing like it, and no \
         rule for it grants anything like it"
    );
    assert_eq!(
        why(Action::Cast(&eu)).to_string(),
        "shop/orders may cast to shop/eu/till: its manifest asks for shop/*, and it is granted \
         shop/eu/* by the rule for shop/*"
    );
    policy.revoke(&target("*"), &cast("*/eu/*")).unwrap();
    let revoked = explain(&policy, &asked, Action::Cast(&eu));
    assert_eq!(revoked.denial(), Some(Denial::Revoked));
    assert_eq!(
        revoked.to_string(),
        "shop/orders may not cast to shop/eu/till: it is revoked, */eu/* by the rule for *"
    );
    let json = serde_json::to_string(&revoked).unwrap();
    assert_eq!(serde_json::from_str::<Explanation>(&json).unwrap(), revoked);
}

#[test]
fn says_why_of_topics_too() {
    let policy = Policy::new();
    policy.grant(&target("shop/*"), &topics("o.*")).unwrap();
    let (topic, pattern): (Topic, Pattern) = ("o.eu".parse().unwrap(), "o.*".parse().unwrap());
    let asked = topics("o.*");
    let actions = [
        (Action::Publish(&topic), "publish to o.eu", Capability::Publish),
        (Action::Receive(&topic), "receive o.eu", Capability::Subscribe),
        (Action::Subscribe(&pattern), "subscribe to o.*", Capability::Subscribe),
    ];
    for (action, text, capability) in actions {
        let allowed = explain(&policy, &asked, action);
        assert!(allowed.is_allowed());
        assert_eq!((allowed.action.as_str(), allowed.capability), (text, capability));
        assert_eq!(allowed.granted.map(|clause| clause.who), Some(target("shop/*")));
    }
    policy.revoke(&target("shop/orders"), &topics("o.us")).unwrap();
    let denied = explain(&policy, &asked, Action::Subscribe(&pattern));
    assert_eq!(denied.denial(), Some(Denial::Revoked));
}
