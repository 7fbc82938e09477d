//! Macros that make the layouts of the contract's own types out of their cases and fields.
//!
//! What stands in brackets says which way values go: `Lower`, into a guest, and `Flatten`, as core values; `Lift`, out of it.

/// A variant, or an enum, of fewer than 256 cases, each with its number.
macro_rules! variant {
    ([$($way:ident)*] $name:ident $cases:tt) => {
        variant!(@Abi $name $cases);
        $(variant!(@$way $name $cases);)*
    };
    (@Abi $name:ident { $($number:literal $case:ident $(($payload:ident: $type:ty))?,)* }) => {
        impl Abi for $name {
            const ALIGN: u32 = {
                let align = 1;
                $($(let align = larger(align, <$type>::ALIGN);)?)*
                align
            };
            const SIZE: u32 = {
                let size = 0;
                $($(let size = larger(size, <$type>::SIZE);)?)*
                aligned(aligned(1, Self::ALIGN) + size, Self::ALIGN)
            };
            const FLAT: usize = {
                let flat = 0;
                $($(let flat = more(flat, <$type>::FLAT);)?)*
                1 + flat
            };
        }
    };
    (@Lower $name:ident { $($number:literal $case:ident $(($payload:ident: $type:ty))?,)* }) => {
        impl Lower for $name {
            fn store(&self, to: &mut Writer<'_>, at: u32) -> Result<()> {
                let _inside = at + aligned(1, Self::ALIGN);
                match self {
                    $(Self::$case $(($payload))? => {
                        Lower::store(&($number as u8), to, at)?;
                        $(Lower::store($payload, to, _inside)?;)?
                    })*
                }
                Ok(())
            }
        }
    };
    (@Flatten $name:ident { $($number:literal $case:ident $(($payload:ident: $type:ty))?,)* }) => {
        impl Flatten for $name {
            fn flatten(&self, to: &mut Writer<'_>, flat: &mut Flat) -> Result<()> {
                let end = flat.length() + Self::FLAT;
                match self {
                    $(Self::$case $(($payload))? => {
                        Flatten::flatten(&($number as u8), to, flat)?;
                        $(Flatten::flatten($payload, to, flat)?;)?
                    })*
                }
                flat.pad(end);
                Ok(())
            }
        }
    };
    (@Lift $name:ident { $($number:literal $case:ident $(($payload:ident: $type:ty))?,)* }) => {
        impl<'a> Lift<'a> for $name {
            fn load(guest: &View<'a>, at: u32) -> Result<Self> {
                let _inside = at + aligned(1, Self::ALIGN);
                Ok(match u8::load(guest, at)? {
                    $($number => Self::$case $((<$type>::load(guest, _inside)?))?,)*
                    _ => return Err(no_case()),
                })
            }

            fn lift(guest: &View<'a>, flat: &[u64]) -> Result<Self> {
                let _inside = flat.get(1..).unwrap_or_default();
                Ok(match u32::lift(guest, flat)? {
                    $($number => Self::$case $((<$type>::lift(guest, _inside)?))?,)*
                    _ => return Err(no_case()),
                })
            }
        }
    };
}

/// A record: its fields in their order.
macro_rules! record {
    ([$($way:ident)*] $name:ident $fields:tt) => {
        record!(@Abi $name $fields);
        $(record!(@$way $name $fields);)*
    };
    (@Abi $name:ident { $($field:ident: $type:ty,)* }) => {
        impl Abi for $name {
            const ALIGN: u32 = {
                let align = 1;
                $(let align = larger(align, <$type>::ALIGN);)*
                align
            };
            const SIZE: u32 = {
                let end = 0;
                $(let end = aligned(end, <$type>::ALIGN) + <$type>::SIZE;)*
                aligned(end, Self::ALIGN)
            };
            const FLAT: usize = 0 $(+ <$type>::FLAT)*;
        }
    };
    (@Lower $name:ident { $($field:ident: $type:ty,)* }) => {
        impl Lower for $name {
            fn store(&self, to: &mut Writer<'_>, at: u32) -> Result<()> {
                let end = at;
                $(
                    let start = aligned(end, <$type>::ALIGN);
                    Lower::store(&self.$field, to, start)?;
                    let end = start.wrapping_add(<$type>::SIZE);
                )*
                let _ = end;
                Ok(())
            }
        }
    };
    (@Flatten $name:ident { $($field:ident: $type:ty,)* }) => {
        impl Flatten for $name {
            fn flatten(&self, to: &mut Writer<'_>, flat: &mut Flat) -> Result<()> {
                $(Flatten::flatten(&self.$field, to, flat)?;)*
                Ok(())
            }
        }
    };
    (@Lift $name:ident { $($field:ident: $type:ty,)* }) => {
        impl<'a> Lift<'a> for $name {
            fn load(guest: &View<'a>, at: u32) -> Result<Self> {
                let end = at;
                $(
                    let start = aligned(end, <$type>::ALIGN);
                    let $field = <$type>::load(guest, start)?;
                    let end = start.wrapping_add(<$type>::SIZE);
                )*
                let _ = end;
                Ok(Self { $($field),* })
            }

            fn lift(guest: &View<'a>, flat: &[u64]) -> Result<Self> {
                let mut args = Args::new(guest, flat);
                $(let $field = args.next()?;)*
                Ok(Self { $($field),* })
            }
        }
    };
}

pub(crate) use {record, variant};
