//! How deep the types of a component are nested.
//!
//! A component's type may declare types of components, and those do again: three bytes a level. Whoever
//! reads that enters a function for each, so that some ten thousand bytes overflow the stack, which
//! no process outlives. Here the levels are counted without entering anything.

use wasmparser::{
    BinaryReader, BinaryReaderError, ComponentImport, ComponentType, InstanceTypeDeclaration,
};

/// How many levels there may be. Tools make three.
pub(super) const MAX_LEVELS: u32 = 100;

/// What a type and a declaration begin with.
const COMPONENT: u8 = 0x41;
const INSTANCE: u8 = 0x42;
const TYPE: u8 = 0x01;
const IMPORT: u8 = 0x03;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Section,
    Component,
    Instance,
}

/// Whether the types of a section have no more levels than there may be.
pub(super) fn is_within(section: &[u8]) -> Result<bool, BinaryReaderError> {
    let mut reader = BinaryReader::new(section, 0);
    // What is open, and how many declarations of it are to come.
    let mut open = vec![(Within::Section, reader.read_var_u32()?)];
    while let Some((within, left)) = open.last_mut() {
        let Some(less) = left.checked_sub(1) else {
            open.pop();
            continue;
        };
        *left = less;
        match (*within, next(&reader)?) {
            (Within::Section, _) => {}
            (_, TYPE) => {
                reader.read_u8()?;
            }
            (Within::Component, IMPORT) => {
                reader.read_u8()?;
                reader.read::<ComponentImport<'_>>()?;
                continue;
            }
            _ => {
                reader.read::<InstanceTypeDeclaration<'_>>()?;
                continue;
            }
        }
        let within = match next(&reader)? {
            COMPONENT => Within::Component,
            INSTANCE => Within::Instance,
            _ => {
                reader.read::<ComponentType<'_>>()?;
                continue;
            }
        };
        if open.len() > MAX_LEVELS as usize {
            return Ok(false);
        }
        reader.read_u8()?;
        open.push((within, reader.read_var_u32()?));
    }
    Ok(true)
}

fn next(reader: &BinaryReader<'_>) -> Result<u8, BinaryReaderError> {
    reader.clone().read_u8()
}
