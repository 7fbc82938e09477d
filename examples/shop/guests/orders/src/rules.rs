//! What the manifest says: how long to wait, and what things cost.

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::time::Duration;

use castcall_guest::{ComponentError, Config};

pub(crate) struct Rules {
    /// How long the stock may take.
    pub(crate) stock: Duration,
    /// How long the payment may take, bank and customer included.
    pub(crate) payment: Duration,
    prices: BTreeMap<String, u32>,
}

impl Default for Rules {
    fn default() -> Self {
        let (stock, payment) = (Duration::from_secs(1), Duration::from_secs(30));
        Self { stock, payment, prices: BTreeMap::new() }
    }
}

impl Rules {
    /// An error here ends the start of the component, and says why: better than later.
    pub(crate) fn read(config: &Config) -> Result<Self, ComponentError> {
        let mut rules = Self::default();
        if let Some(ms) = config.parse("stock-timeout-ms", "a number of milliseconds")? {
            rules.stock = Duration::from_millis(ms);
        }
        if let Some(ms) = config.parse("payment-timeout-ms", "a number of milliseconds")? {
            rules.payment = Duration::from_millis(ms);
        }
        for (key, _) in config.iter() {
            if let (Some(item), Some(price)) =
                (key.strip_prefix("price-"), config.parse(key, "a price in euros")?)
            {
                rules.prices.insert(item.into(), price);
            }
        }
        Ok(rules)
    }

    pub(crate) fn price(&self, item: &str) -> Option<u32> {
        self.prices.get(item).copied()
    }
}
