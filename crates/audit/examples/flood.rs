//! What is printed when one component casts, and another tries a million times what it may not.

use castcall_audit::{
    Audit, AuditConfig, Denial, Kind, Note, NoteKind, Record, Sinks, What, WriterSink,
};
use castcall_core::{ComponentId, Timestamp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config = AuditConfig::default();
    config.first_per_second = 3;
    let sinks = Sinks { all: Some(Box::new(WriterSink(std::io::stdout()))), denials: None };
    let audit = Audit::to(&config, sinks)?;

    let (orders, stock) = (ComponentId::new("shop/orders")?, ComponentId::new("shop/stock")?);
    let host = ComponentId::host();
    audit.note(Note::new(NoteKind::Load, Timestamp::now()).who(&host).whom(&orders));
    let (orders, stock) = (audit.name(&orders), audit.name(&stock));
    let send = Record::new(Kind::Send, Timestamp::now(), &orders).what(What::Cast);
    audit.record(send.whom(&stock).codec(0x51).size(64));

    let guest = audit.name(&ComponentId::new("tenant-a/web")?);
    for _ in 0..1_000_000 {
        audit.deny(Denial::new(Timestamp::now(), &guest, What::Cast, "bank/vault").size(64));
    }
    audit.close()?;
    eprintln!("{:?}", audit.status());
    Ok(())
}
