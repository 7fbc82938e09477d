//! The tables on disk.
//!
//! `subscriptions`: component, pattern and group (empty if in none) to a CBOR map, empty as yet.
//! `dead-letters`: id to a [record](crate::record). `numbers`: by name; `ids` is where the next
//! run's ids start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use castcall_core::{ComponentId, DeadLetter, Pattern};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::fault::Fault;
use crate::record;
use crate::store::LetterBatch;
use crate::subscriptions::{StoredSubscription, SubscriptionBatch};

pub(crate) const SUBSCRIPTIONS: TableDefinition<'_, (&str, &str, &str), &[u8]> =
    TableDefinition::new("subscriptions");
pub(crate) const LETTERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("dead-letters");
pub(crate) const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");

const IDS: &str = "ids";
/// The empty map, as CBOR.
const NO_FIELDS: &[u8] = &[0xa0];

/// Everything is in memory besides: what is read again is little.
const CACHE_BYTES: usize = 8 << 20;

/// How the database is opened: a file, or something that behaves like one.
pub(crate) type Opener = Box<dyn FnMut() -> Result<Database, Fault> + Send>;

pub(crate) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// All that is on disk.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) subscriptions: BTreeSet<StoredSubscription>,
    pub(crate) letters: BTreeMap<u64, DeadLetter>,
    /// The first id that was never given out.
    pub(crate) next: u64,
    /// How many entries have a form that is not known here. They are left where they are.
    pub(crate) unreadable: u64,
}

/// Finds out whether each byte that counts is what was written.
pub(crate) fn check(database: &mut Database) -> Result<(), Fault> {
    // What it may repair by itself is its lists of free space: data that is damaged is an error.
    database.check_integrity().map_err(redb::Error::from)?;
    Ok(())
}

/// Makes the tables where there are none, in a database of which nothing else is known yet.
pub(crate) fn prepare(database: &Database) -> Result<(), Fault> {
    write(database, |transaction| {
        transaction.open_table(SUBSCRIPTIONS)?;
        transaction.open_table(LETTERS)?;
        transaction.open_table(NUMBERS)?;
        Ok(())
    })
}

pub(crate) fn load(database: &Database) -> Result<Contents, Fault> {
    Ok(read_all(database)?)
}

fn read_all(database: &Database) -> Result<Contents, redb::Error> {
    let transaction = database.begin_read()?;
    let mut contents = Contents::default();
    for row in transaction.open_table(SUBSCRIPTIONS)?.iter()? {
        let (key, _) = row?;
        match subscription(key.value()) {
            Some(subscription) => drop(contents.subscriptions.insert(subscription)),
            None => contents.unreadable += 1,
        }
    }
    let mut last = 0;
    for row in transaction.open_table(LETTERS)?.iter()? {
        let (id, bytes) = row?;
        last = id.value();
        match record::decode(bytes.value()) {
            Some(letter) => drop(contents.letters.insert(last, letter)),
            None => contents.unreadable += 1,
        }
    }
    let ids = transaction.open_table(NUMBERS)?.get(IDS)?.map_or(1, |ids| ids.value());
    contents.next = ids.max(last.saturating_add(1));
    Ok(contents)
}

/// A pattern that is none by the grammar of this version is one of a later version.
fn subscription((component, pattern, group): (&str, &str, &str)) -> Option<StoredSubscription> {
    Some(StoredSubscription {
        component: ComponentId::new(component).ok()?,
        pattern: Pattern::new(pattern).ok()?,
        group: (!group.is_empty()).then(|| Arc::from(group)),
    })
}

/// Sets ids aside: none below `ids` is given out by a later run.
pub(crate) fn set_aside(database: &Database, ids: u64) -> Result<(), Fault> {
    write(database, |transaction| {
        transaction.open_table(NUMBERS)?.insert(IDS, ids)?;
        Ok(())
    })
}

/// Writes it all, or nothing; of letters, none if there is no batch of them. When this returns it is durable.
pub(crate) fn commit(
    database: &Database,
    subscriptions: &SubscriptionBatch,
    letters: Option<&LetterBatch>,
) -> Result<(), Fault> {
    write(database, |transaction| {
        if !subscriptions.is_empty() {
            let mut table = transaction.open_table(SUBSCRIPTIONS)?;
            for (key, present) in subscriptions {
                let group = key.group.as_deref().unwrap_or_default();
                let row = (key.component.as_str(), key.pattern.as_str(), group);
                if *present {
                    table.insert(row, NO_FIELDS)?;
                } else {
                    table.remove(row)?;
                }
            }
        }
        let Some(letters) = letters else { return Ok(()) };
        if !letters.is_empty() {
            let mut table = transaction.open_table(LETTERS)?;
            for id in &letters.delete {
                table.remove(id)?;
            }
            let mut bytes = Vec::new();
            for (id, letter) in &letters.add {
                record::encode(letter, &mut bytes);
                table.insert(id, bytes.as_slice())?;
            }
        }
        transaction.open_table(NUMBERS)?.insert(IDS, letters.ids)?;
        Ok(())
    })
}

fn write(
    database: &Database,
    work: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>,
) -> Result<(), Fault> {
    let mut transaction = database.begin_write().map_err(redb::Error::from)?;
    // Which commit is the last is then not decided by checksums alone: payloads are strangers'.
    transaction.set_two_phase_commit(true);
    work(&transaction)?;
    transaction.commit().map_err(redb::Error::from)?;
    Ok(())
}
