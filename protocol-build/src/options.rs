//! Realmbeat's options on messages and fields, read from their descriptors.

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _,
    Value,
};

use crate::features::Bound;
use crate::{PACKAGE, Problem};

/// The options `(client)` or `(server)` of a message.
pub(crate) struct MessageOptions(DynamicMessage);

impl MessageOptions {
    /// `None` for a message that doesn't travel in this direction.
    pub(crate) fn of(message: &MessageDescriptor, name: &str) -> Option<Self> {
        let options = extension(message.parent_pool(), &message.options(), name)?;
        options.as_message().cloned().map(Self)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.get_field_by_name("id").and_then(|id| id.as_u32()).unwrap_or(0)
    }

    /// The value of an enum, without its prefix: `WORLD` of `PHASE_WORLD`. `None` when it is unspecified or unknown.
    pub(crate) fn choice(&self, field: &str) -> Option<String> {
        let descriptor = self.0.descriptor().get_field_by_name(field)?;
        let number =
            self.0.get_field(&descriptor).as_enum_number().filter(|number| *number != 0)?;
        let value = descriptor.kind().as_enum()?.get_value(number)?;
        let (_, choice) = value.name().split_once('_')?;
        Some(choice.to_owned())
    }
}

/// The bound of each repeated field. A client could otherwise make the decoder allocate eighty times what it sent, so
/// a client message has no map, no unbounded repetition, and no repetition further inside.
pub(crate) fn bounds(message: &MessageDescriptor) -> Result<Vec<Bound>, Problem> {
    let mut found = Vec::new();
    for field in message.fields() {
        let name = || field.name().to_owned();
        if field.is_map() {
            return Err(Problem::Map(name()));
        }
        if field.is_list() {
            let most = max_items(&field).ok_or_else(|| Problem::Unbounded(name()))?;
            let packing = packing(&field.kind());
            found.push(Bound { field: name(), number: field.number(), most, packing });
        }
        if let Kind::Message(inner) = field.kind()
            && repeats(&inner, &mut Vec::new())
        {
            return Err(Problem::RepeatedInside(name()));
        }
    }
    Ok(found)
}

/// How elements of a kind stand together in a packed run, as a value of `protocol::Packing`.
const fn packing(kind: &Kind) -> &'static str {
    match kind {
        Kind::Message(_) | Kind::String | Kind::Bytes => "Never",
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => "Fixed(8)",
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => "Fixed(4)",
        Kind::Int32
        | Kind::Int64
        | Kind::Uint32
        | Kind::Uint64
        | Kind::Sint32
        | Kind::Sint64
        | Kind::Bool
        | Kind::Enum(_) => "Varints",
    }
}

/// Says whether a field repeats in `message` or in a message within it; `seen` ends the walk of one that holds itself.
fn repeats(message: &MessageDescriptor, seen: &mut Vec<String>) -> bool {
    if seen.iter().any(|name| name == message.full_name()) {
        return false;
    }
    seen.push(message.full_name().to_owned());
    message.fields().any(|field| {
        let kind = field.kind();
        field.is_list()
            || field.is_map()
            || kind.as_message().is_some_and(|inner| repeats(inner, seen))
    })
}

fn max_items(field: &FieldDescriptor) -> Option<u32> {
    let value = extension(field.parent_pool(), &field.options(), "max_items")?;
    value.as_u32().filter(|most| *most > 0)
}

/// The value of the option `realmbeat.v1.<name>`, `None` when it isn't there.
fn extension(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = pool.get_extension_by_name(&format!("{PACKAGE}.{name}"))?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}
