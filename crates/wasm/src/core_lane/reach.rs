//! Whether a function of a module can get to what the module imports.
//!
//! A guest may not call the host from a post-return function. Those that tools make free what was
//! returned and call nothing but the allocator: where that can be seen, nobody needs to look out for
//! it at each of the guest's calls.

use wasmparser::{
    BinaryReaderError, ExternalKind, FunctionBody, Operator, Parser, Payload, TypeRef,
};

/// Whether the exported function, or any that it calls, may call an import; also if that can't be
/// told, since it calls what it finds in a table.
pub(crate) fn may_leave(module: &[u8], export: &str) -> bool {
    Functions::of(module).and_then(|functions| functions.reach_out(export)).unwrap_or(true)
}

struct Functions<'a> {
    imported: u32,
    bodies: Vec<FunctionBody<'a>>,
    exports: Vec<(&'a str, u32)>,
}

impl<'a> Functions<'a> {
    fn of(module: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut functions = Self { imported: 0, bodies: Vec::new(), exports: Vec::new() };
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        if matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)) {
                            functions.imported += 1;
                        }
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            functions.exports.push((export.name, export.index));
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => functions.bodies.push(body),
                _ => {}
            }
        }
        Ok(functions)
    }

    fn reach_out(&self, export: &str) -> Result<bool, BinaryReaderError> {
        let Some((_, start)) = self.exports.iter().find(|(name, _)| *name == export) else {
            return Ok(true);
        };
        let mut seen = vec![false; self.bodies.len()];
        let mut left = vec![*start];
        while let Some(function) = left.pop() {
            // An import, or nothing that is known.
            let Some(number) = function.checked_sub(self.imported) else { return Ok(true) };
            let Some(body) = self.bodies.get(number as usize) else { return Ok(true) };
            if std::mem::replace(&mut seen[number as usize], true) {
                continue;
            }
            for operator in body.get_operators_reader()? {
                match operator? {
                    Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                        left.push(function_index);
                    }
                    Operator::CallIndirect { .. }
                    | Operator::ReturnCallIndirect { .. }
                    | Operator::CallRef { .. }
                    | Operator::ReturnCallRef { .. } => return Ok(true),
                    _ => {}
                }
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> bool {
        let start = r#"(module
            (import "host" "call" (func $host))
            (table 1 funcref)
            (func $free)
            (func $again (call $free) (call $again))"#;
        let module = wat::parse_str(format!("{start} {text})")).unwrap();
        may_leave(&module, "post")
    }

    #[test]
    fn what_calls_only_itself_does_not_get_out() {
        assert!(!leaves(r#"(func (export "post"))"#));
        assert!(!leaves(r#"(func (export "post") (call $free) (return_call $again))"#));
        assert!(!leaves(r#"(func (export "other") (call $host)) (func (export "post"))"#));
    }

    #[test]
    fn what_may_call_the_host_does() {
        assert!(leaves(r#"(func (export "post") (call $host))"#));
        assert!(leaves(r#"(func (export "post") (return_call $host))"#));
        assert!(leaves(r#"(func $it (call $host)) (func (export "post") (call $it))"#));
        assert!(leaves(r#"(export "post" (func $host))"#));
    }

    #[test]
    fn what_can_not_be_told_counts_as_if_it_did() {
        assert!(leaves(r#"(func (export "post") (call_indirect (i32.const 0)))"#));
        assert!(leaves(r#"(func (export "post") (return_call_indirect (i32.const 0)))"#));
        assert!(leaves(""));
        assert!(may_leave(b"no module", "post"));
    }
}
