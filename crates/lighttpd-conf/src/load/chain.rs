//! Conditions and their else chains.
//! A condition whose text has been seen in the same block continues that block, and a bare else after it the earlier
//! else; any other begins a new one. Blocks
//! only ever refer to blocks before them.

use super::{Loader, Within};
use crate::{
    ast::{Arm, Test},
    condition::{self, Condition, Family, Field, Operator},
    config::{Block, BlockId},
    diagnostic::Diagnostic,
    nearest::nearest,
    source::Span,
};

/// Conditions in one configuration; lighttpd has 4096 at most.
const MOST_CONDITIONS: usize = 16384;

/// What makes two blocks the same.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Same {
    /// The block around it, and the condition: subject in lower case, operator, value.
    Condition(BlockId, String, Operator, String),
    /// The block around a bare else, and the arm before it.
    Else(BlockId, Option<BlockId>),
}

impl Loader {
    pub(super) fn chain(&mut self, arms: &[Arm], within: Within) {
        let Within::Block(parent) = within else {
            let span = arms.first().map(|arm| arm.span);
            if let Some(span) = span {
                let message = "a condition cannot stand in global { }".to_owned();
                self.error(span, message, "close the brace before it");
            }
            return;
        };
        let mut before = None;
        for (at, arm) in arms.iter().enumerate() {
            let Some(id) = self.block_of(arm, parent, before) else {
                continue;
            };
            self.statements(&arm.body, Within::Block(id));
            if let (None, Some(next)) = (&arm.test, arms.get(at + 1)) {
                let message = "this can never be reached".to_owned();
                self.error(
                    next.span,
                    message,
                    "the else before it stands for all other cases",
                );
                return;
            }
            before = Some(id);
        }
    }

    /// The block of an arm, found again or begun.
    fn block_of(&mut self, arm: &Arm, parent: BlockId, before: Option<BlockId>) -> Option<BlockId> {
        let condition = match &arm.test {
            Some(test) => Some(self.condition(test, parent)?),
            None => None,
        };
        let same = match &condition {
            Some(condition) => Same::Condition(
                parent,
                condition.subject.to_ascii_lowercase(),
                condition.operator,
                condition.value.clone(),
            ),
            None => Same::Else(parent, before),
        };
        if let Some(id) = self.same.get(&same) {
            return self.continue_block(*id, arm, condition, before);
        }
        let id = self.begin_block(arm, parent, condition, before)?;
        self.same.insert(same, id);
        Some(id)
    }

    fn continue_block(
        &mut self,
        id: BlockId,
        arm: &Arm,
        condition: Option<Condition>,
        before: Option<BlockId>,
    ) -> Option<BlockId> {
        let block = &mut self.blocks[id.index()];
        let wrong = match (before, block.after) {
            (Some(before), _) if before >= id => {
                Some("this cannot be reached: the same condition stands earlier")
            }
            (Some(before), Some(after)) if before != after => {
                Some("this condition is already chained to another one")
            }
            _ => None,
        };
        if let Some(message) = wrong {
            let help = "put these lines into the earlier block";
            let mut diagnostic = Diagnostic::error(message)
                .at(&self.sources, arm.span)
                .help(help);
            if let Some(first) = &block.condition {
                diagnostic = diagnostic.note("first used here", &self.sources, first.span);
            }
            self.diagnostics.push(diagnostic);
            return None;
        }
        block.after = block.after.or(before);
        if let (Some(old), Some(new)) = (&mut block.condition, condition) {
            old.expression = old.expression.take().or(new.expression);
        }
        Some(id)
    }

    fn begin_block(
        &mut self,
        arm: &Arm,
        parent: BlockId,
        condition: Option<Condition>,
        before: Option<BlockId>,
    ) -> Option<BlockId> {
        let id = match u16::try_from(self.blocks.len()) {
            Ok(id) if usize::from(id) <= MOST_CONDITIONS => BlockId(id),
            _ => {
                let message = format!("more than {MOST_CONDITIONS} conditions");
                self.error(arm.span, message, "combine some, for instance with =~");
                return None;
            }
        };
        self.blocks.push(Block {
            id,
            parent: Some(parent),
            condition,
            after: before,
            settings: Vec::new(),
        });
        Some(id)
    }

    fn condition(&mut self, test: &Test, block: BlockId) -> Option<Condition> {
        // An unknown family has been reported by the parser.
        let family = Family::parse(&test.family.text);
        let key = self.string(&test.key, block, "a key");
        let value = self.evaluate(&test.value, block)?;
        let Some(text) = value.as_str() else {
            let message = "a condition compares with a string".to_owned();
            self.error(test.value.span, message, "write it in quotes");
            return None;
        };
        let (family, key) = (family?, key?);
        let Some(field) = family.field(&key) else {
            self.unknown_key(family, &test.family.text, &key, test.key.span);
            return None;
        };
        let plain = match (&field, test.operator) {
            (Field::ServerSocket | Field::RemoteIp, _) => None,
            (_, Operator::Match) => condition::plain_form(text),
            _ => None,
        };
        let exact = matches!(test.operator, Operator::Equal | Operator::NotEqual);
        if field == Field::Host && exact && text.contains(|c: char| c.is_ascii_uppercase()) {
            let message = "host names are compared in lower case, so this never equals one";
            let warning = Diagnostic::warning(message)
                .at(&self.sources, test.value.span)
                .help(format!("write \"{}\"", text.to_ascii_lowercase()));
            self.diagnostics.push(warning);
        }
        let subject = format!("${}[\"{key}\"]", test.family.text);
        let (operator, value, expression) = match plain {
            Some((operator, value)) => (operator, value, Some(text.to_owned())),
            None => (test.operator, text.to_owned(), None),
        };
        Some(Condition {
            subject,
            field,
            operator,
            value,
            expression,
            span: test.span,
            value_span: test.value.span,
        })
    }

    fn unknown_key(&mut self, family: Family, name: &str, key: &str, span: Span) {
        let known = family.keys();
        let message = format!("${name}[{key:?}] is not something to ask about");
        let list = known.join(", ");
        let help = match nearest(key, known.iter().copied()) {
            Some(guess) => format!("did you mean {guess:?}? the keys are {list}"),
            None if known.is_empty() => "a header has a name".to_owned(),
            None if family == Family::Http => {
                format!("the keys are {list}; other headers are $REQUEST_HEADER[...]")
            }
            None => format!("the only key is {list}"),
        };
        self.error(span, message, help);
    }
}
