//! A message in a codec that its target does not accept.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::ComponentId;

/// Who sent what to whom, and what would have been accepted. Told only to who may send there.
///
/// ```
/// use castcall_core::{CodecMismatch, ComponentId};
///
/// let (from, to) = (ComponentId::new("shop/orders")?, ComponentId::new("shop/stock")?);
/// let mut mismatch = CodecMismatch::new(from, to);
/// mismatch.codec = Some("json".into());
/// mismatch.accepts = vec!["cbor".into(), "borsh".into()];
/// let expected = "shop/orders sent json to shop/stock, which accepts cbor, borsh";
/// assert_eq!(mismatch.to_string(), expected);
/// # Ok::<(), castcall_core::InvalidComponentId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CodecMismatch {
    /// Who sent it, or answered with it.
    pub sender: ComponentId,
    /// Who was to get it.
    pub target: ComponentId,
    /// The message's codec: its name, `json`; its code, `0x71`, if castcall does not know it;
    /// absent if the message does not begin with a well-formed prefix.
    pub codec: Option<Cow<'static, str>>,
    /// The names of the codecs that the target accepts.
    pub accepts: Vec<Cow<'static, str>>,
    /// The codec that the target itself writes, if it says so.
    pub preferred: Option<Cow<'static, str>>,
}

impl CodecMismatch {
    /// A message without a well-formed prefix, for who accepts nothing.
    #[must_use]
    pub fn new(sender: ComponentId, target: ComponentId) -> Self {
        Self { sender, target, codec: None, accepts: Vec::new(), preferred: None }
    }
}

impl fmt::Display for CodecMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codec = self.codec.as_deref().unwrap_or("no well-formed envelope");
        write!(f, "{} sent {codec} to {}, which accepts ", self.sender, self.target)?;
        if self.accepts.is_empty() {
            f.write_str("nothing")?;
        }
        for (at, codec) in self.accepts.iter().enumerate() {
            write!(f, "{}{codec}", if at == 0 { "" } else { ", " })?;
        }
        match &self.preferred {
            Some(preferred) => write!(f, " and itself writes {preferred}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_as_much_as_is_known() {
        let id = |text| ComponentId::new(text).unwrap();
        let mut mismatch = CodecMismatch::new(id("a"), id("b"));
        let nothing = "a sent no well-formed envelope to b, which accepts nothing";
        assert_eq!(mismatch.to_string(), nothing);
        mismatch.codec = Some("0x71".into());
        mismatch.accepts = vec!["raw".into(), "cbor".into()];
        mismatch.preferred = Some("cbor".into());
        let all = "a sent 0x71 to b, which accepts raw, cbor and itself writes cbor";
        assert_eq!(mismatch.to_string(), all);
        let json = serde_json::to_string(&mismatch).unwrap();
        assert_eq!(serde_json::from_str::<CodecMismatch>(&json).unwrap(), mismatch);
    }
}
