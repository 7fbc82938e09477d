//! What a component may do, and how much of it: its rights, its tokens, and what it tried in vain.

use castcall_core::{ComponentId, MessagingError, Pattern, Topic};
use castcall_policy::{
    DenialMeter, Policy, QuotaError, Rate, Rights, RightsCell, TokenBucket, Verdict,
};

use crate::config::PeerConfig;
use crate::context::MessageRate;

/// One component's, for all its instances and handles.
#[derive(Debug)]
pub(crate) struct Guard {
    rights: RightsCell,
    tokens: Option<Tokens>,
    denials: DenialMeter,
}

/// What pays for messages, where they are limited.
#[derive(Debug)]
struct Tokens {
    bucket: TokenBucket,
    per_second: u32,
    burst: u32,
}

/// Tokens that an instance has taken ahead, for the tick that it was then. An atomic operation for
/// each message is a fifth of a cast.
#[derive(Debug, Default)]
pub(crate) struct Purse {
    tick: u64,
    left: u32,
}

impl Purse {
    /// How many are taken at once.
    const AT_ONCE: u32 = 16;

    pub(crate) fn left(&self) -> u32 {
        self.left
    }

    /// Pays for one message, if there is enough for several.
    #[inline]
    pub(crate) fn pay(&mut self, guard: &Guard, tick: u64) -> bool {
        if self.left == 0 || self.tick != tick {
            self.refill(guard, tick);
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    #[inline(never)]
    fn refill(&mut self, guard: &Guard, tick: u64) {
        self.give_back(guard);
        self.tick = tick;
        if let Some(tokens) = &guard.tokens
            && tokens.bucket.take_ahead(Self::AT_ONCE, tick)
        {
            self.left = Self::AT_ONCE;
        }
    }

    /// What was not needed.
    pub(crate) fn give_back(&mut self, guard: &Guard) {
        let left = std::mem::take(&mut self.left);
        if let (1.., Some(tokens)) = (left, &guard.tokens) {
            tokens.bucket.give_back(left);
        }
    }
}

impl Guard {
    /// Whether messages are limited.
    #[inline]
    pub(crate) fn is_limited(&self) -> bool {
        self.tokens.is_some()
    }

    pub(crate) fn new(
        policy: &Policy,
        id: &ComponentId,
        config: &PeerConfig,
        now: u64,
    ) -> Result<Self, QuotaError> {
        let tokens = match config.rate {
            Rate::Unlimited => None,
            Rate::PerSecond(per_second) => {
                let bucket = TokenBucket::new(config.rate, config.burst, now)?;
                Some(Tokens { bucket, per_second, burst: config.burst })
            }
        };
        let denials = DenialMeter::new(DenialMeter::DEFAULT_RATE, DenialMeter::DEFAULT_BURST, now)?;
        let rights = RightsCell::new(policy.rights(id, &config.asks));
        Ok(Self { rights, tokens, denials })
    }

    /// Asks its rights as of now.
    pub(crate) fn may(&self, policy: &Policy, ask: impl FnOnce(&Rights) -> bool) -> bool {
        self.rights.with(policy, ask)
    }

    /// Its rights as of now, for who asks them again and again.
    pub(crate) fn rights(&self, policy: &Policy) -> std::sync::Arc<Rights> {
        self.rights.get(policy)
    }

    pub(crate) fn may_subscribe(&self, policy: &Policy, pattern: &Pattern) -> bool {
        self.may(policy, |rights| rights.may_subscribe(pattern))
    }

    pub(crate) fn may_receive(&self, policy: &Policy, topic: &Topic) -> bool {
        self.may(policy, |rights| rights.may_receive(topic))
    }

    /// Pays for one message. `now` is asked for if it matters.
    #[inline]
    pub(crate) fn take_token(&self, now: impl FnOnce() -> u64) -> Result<(), MessagingError> {
        let Some(tokens) = &self.tokens else { return Ok(()) };
        tokens
            .bucket
            .try_take(now())
            .map_err(|retry| MessagingError::QuotaExceeded { retry_after_ms: retry.as_millis() })
    }

    /// How much it may send, and how much of that is left; `None` if it is not limited.
    pub(crate) fn message_rate(&self, now: u64) -> Option<MessageRate> {
        let tokens = self.tokens.as_ref()?;
        Some(MessageRate {
            messages_per_second: tokens.per_second,
            burst: tokens.burst,
            messages_left: tokens.bucket.available(now).unwrap_or(u32::MAX),
        })
    }

    /// Something was denied. Whether the component has tried so often that it must end.
    pub(crate) fn denied(&self, now: u64) -> bool {
        self.denials.on_denied(now) == Verdict::Trap
    }
}
