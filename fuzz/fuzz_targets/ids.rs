//! Component ids and correlation ids as text: what is taken is told again, and nothing else is.
#![no_main]

use castcall_core::{ComponentId, CorrelationId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<ComponentId>() {
        Ok(id) => {
            assert_eq!(id.as_str(), text);
            assert!(text.len() <= ComponentId::MAX_BYTES);
            let segment = |segment: &str| {
                !segment.is_empty()
                    && segment
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
            };
            assert!(text.split('/').all(segment));
        }
        Err(error) => assert!(error.to_string().len() < 2_000),
    }
    if let Ok(id) = text.parse::<CorrelationId>() {
        assert_eq!(id.to_string().to_ascii_lowercase(), text.to_ascii_lowercase());
        assert_eq!(id.to_string().parse(), Ok(id));
    }
});
