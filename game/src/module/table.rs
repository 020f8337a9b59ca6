//! The list of modules, checked once at start: who owns which packet, letter and command. A wrong table stops the
//! start, not the play.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::v1::CLIENT_MESSAGES;
use protocol::{ClientMessage as _, FIRST_MODULE_ID, Phase};
use rand_pcg::Pcg64Mcg;

use super::Module;
use super::routes::{Command, Routes};
use super::slot::{Instance, Slot, SlotSnapshot};
use crate::content::Content;
use crate::ids::ZoneName;
use crate::settings::Settings;

/// Messages of the world phase that belong to no module: leaving, digests of the view, and commands, which go on to
/// the module that defines them.
const BUILT_IN: [u32; 3] = [
    protocol::v1::LeaveWorld::INFO.id,
    protocol::v1::WatchDigest::INFO.id,
    protocol::v1::Command::INFO.id,
];

/// The modules of a game, in the order in which they run each tick.
#[derive(Default)]
pub struct ModuleList {
    zone: Vec<Entry>,
    realm: Vec<Entry>,
}

type Create = Box<dyn Fn(&ZoneName, &Content, Pcg64Mcg) -> Box<dyn Instance> + Send + Sync>;
type Restore =
    Box<dyn Fn(SlotSnapshot) -> Result<Box<dyn Instance>, postcard::Error> + Send + Sync>;

/// One module of the list, with its type behind functions.
struct Entry {
    name: &'static str,
    packets: Vec<(u32, &'static str)>,
    letters: Vec<&'static str>,
    commands: Vec<Command>,
    create: Create,
    restore: Restore,
}

/// Why a list of modules can't be played. Each names the modules, so that their authors can act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Two modules by one name.
    #[error("two modules are called {0:?}: give one of them another NAME")]
    SameName(&'static str),
    /// Two modules want one message.
    #[error(
        "message {message} ({id}) is handled by both {first:?} and {second:?}: a message has one owner"
    )]
    TwoOwners {
        /// The message's name.
        message: &'static str,
        /// Its id.
        id: u32,
        /// Who handles it.
        first: &'static str,
        /// Who does, too.
        second: &'static str,
    },
    /// Nobody handles a message that clients may send.
    #[error(
        "nobody handles message {message} ({id}): add its module to the list, or the handler to the module's routes"
    )]
    NoOwner {
        /// The message's name.
        message: &'static str,
        /// Its id.
        id: u32,
    },
    /// Two modules want one command.
    #[error("command {command:?} is defined by both {first:?} and {second:?}")]
    TwoCommands {
        /// The command.
        command: &'static str,
        /// Who defines it.
        first: &'static str,
        /// Who does, too.
        second: &'static str,
    },
    /// A realm module wants packets, which arrive in zones.
    #[error(
        "realm module {module:?} handles message {message}: packets arrive in zones; let a zone module pass it on in a letter"
    )]
    PacketInRealm {
        /// The module.
        module: &'static str,
        /// The message's name.
        message: &'static str,
    },
    /// An id that belongs to this repository.
    #[error(
        "message {message} of module {module:?} has id {id}, which this build doesn't know: ids of modules outside the repository start at {FIRST_MODULE_ID}"
    )]
    ForeignId {
        /// The module.
        module: &'static str,
        /// The message's name.
        message: &'static str,
        /// Its id.
        id: u32,
    },
}

/// Where a packet or command goes: the module's place in its zone, and the handler's place in the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) module: usize,
    pub(crate) route: usize,
}

/// A checked list: every packet kind has one owner.
pub struct ModuleTable {
    list: ModuleList,
    packets: BTreeMap<u32, Target>,
    commands: BTreeMap<&'static str, (Command, Target)>,
}

impl ModuleList {
    /// No modules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a module to every zone with a map.
    #[must_use]
    pub fn zone<M: Module>(mut self) -> Self {
        self.zone.push(Entry::of::<M>());
        self
    }

    /// Adds a module to the realm zone.
    #[must_use]
    pub fn realm<M: Module>(mut self) -> Self {
        self.realm.push(Entry::of::<M>());
        self
    }

    /// Checks the list.
    ///
    /// # Errors
    /// When a name, packet or command has two owners, or a packet has none.
    pub fn check(self) -> Result<ModuleTable, TableError> {
        self.check_names()?;
        let packets = self.own_packets()?;
        for info in CLIENT_MESSAGES.iter().filter(|info| info.phase == Phase::World) {
            if !packets.contains_key(&info.id) && !BUILT_IN.contains(&info.id) {
                return Err(TableError::NoOwner { message: info.name, id: info.id });
            }
        }
        let commands = self.own_commands()?;
        Ok(ModuleTable { list: self, packets, commands })
    }

    fn check_names(&self) -> Result<(), TableError> {
        let mut seen = std::collections::BTreeSet::new();
        for entry in self.zone.iter().chain(&self.realm) {
            if !seen.insert(entry.name) {
                return Err(TableError::SameName(entry.name));
            }
        }
        Ok(())
    }

    fn own_packets(&self) -> Result<BTreeMap<u32, Target>, TableError> {
        if let Some((entry, &(_, message))) =
            self.realm.iter().find_map(|entry| Some((entry, entry.packets.first()?)))
        {
            return Err(TableError::PacketInRealm { module: entry.name, message });
        }
        let mut owners: BTreeMap<u32, Target> = BTreeMap::new();
        for (module, entry) in self.zone.iter().enumerate() {
            for (route, &(id, message)) in entry.packets.iter().enumerate() {
                let known = CLIENT_MESSAGES.iter().any(|info| info.id == id);
                if id < FIRST_MODULE_ID && !known {
                    return Err(TableError::ForeignId { module: entry.name, message, id });
                }
                if let Some(other) = owners.insert(id, Target { module, route }) {
                    let first = self.zone[other.module].name;
                    return Err(TableError::TwoOwners { message, id, first, second: entry.name });
                }
            }
        }
        Ok(owners)
    }

    fn own_commands(&self) -> Result<BTreeMap<&'static str, (Command, Target)>, TableError> {
        let mut owners: BTreeMap<&'static str, (Command, Target)> = BTreeMap::new();
        for (module, entry) in self.zone.iter().enumerate() {
            for (route, command) in entry.commands.iter().enumerate() {
                if let Some((_, other)) =
                    owners.insert(command.name, (*command, Target { module, route }))
                {
                    let first = self.zone[other.module].name;
                    let command = command.name;
                    return Err(TableError::TwoCommands { command, first, second: entry.name });
                }
            }
        }
        Ok(owners)
    }
}

impl Entry {
    fn of<M: Module>() -> Self {
        let routes = Arc::new(Routes::<M>::of_module());
        let restored = Arc::clone(&routes);
        Self {
            name: M::NAME,
            packets: routes.packets.iter().map(|route| (route.info.id, route.info.name)).collect(),
            letters: routes.letters.iter().map(|route| route.kind).collect(),
            commands: routes.commands.iter().map(|(command, _)| *command).collect(),
            create: Box::new(move |zone, content, rng| {
                Box::new(Slot::<M>::new(Arc::clone(&routes), zone, content, rng))
            }),
            restore: Box::new(move |snapshot| {
                Ok(Box::new(Slot::<M>::restore(Arc::clone(&restored), snapshot)?))
            }),
        }
    }
}

impl ModuleTable {
    /// Ids of all packets that some module handles.
    pub fn packet_ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.packets.keys().copied()
    }

    /// All commands, by name.
    pub fn commands(&self) -> impl Iterator<Item = &Command> + '_ {
        self.commands.values().map(|(command, _)| command)
    }

    pub(crate) fn packet(&self, id: u32) -> Option<Target> {
        self.packets.get(&id).copied()
    }

    pub(crate) fn command(&self, name: &str) -> Option<(Command, Target)> {
        self.commands.get(name).copied()
    }

    /// Names of the modules of a zone, in order.
    pub(crate) fn names(&self, realm: bool) -> impl Iterator<Item = &'static str> + '_ {
        self.entries(realm).iter().map(|entry| entry.name)
    }

    /// True if some module in the list, of zones or of the realm, handles letters of `kind`.
    pub(crate) fn knows_letter(&self, kind: &str) -> bool {
        self.list.zone.iter().chain(&self.list.realm).any(|entry| entry.letters.contains(&kind))
    }

    /// Fresh instances for a zone. Each gets a random stream of its own, chosen by the names of zone and module, so
    /// that a new module disturbs no other.
    pub(crate) fn create(
        &self,
        zone: &ZoneName,
        content: &Content,
        settings: &Settings,
    ) -> Vec<Box<dyn Instance>> {
        let stream = |module: &str| Pcg64Mcg::new(settings.stream(&format!("{zone}/{module}")));
        let entries = self.entries(*zone == ZoneName::realm());
        entries.iter().map(|entry| (entry.create)(zone, content, stream(entry.name))).collect()
    }

    pub(crate) fn restore(
        &self,
        zone: &ZoneName,
        snapshots: Vec<SlotSnapshot>,
    ) -> Result<Vec<Box<dyn Instance>>, String> {
        let entries = self.entries(*zone == ZoneName::realm());
        let ours: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
        let theirs: Vec<&str> = snapshots.iter().map(|snapshot| snapshot.name.as_str()).collect();
        if ours != theirs {
            return Err(format!(
                "zone {zone} was saved with modules {theirs:?}, this build has {ours:?}"
            ));
        }
        let pairs = entries.iter().zip(snapshots);
        pairs
            .map(|(entry, snapshot)| {
                (entry.restore)(snapshot).map_err(|error| format!("module {}: {error}", entry.name))
            })
            .collect()
    }

    fn entries(&self, realm: bool) -> &[Entry] {
        if realm { &self.list.realm } else { &self.list.zone }
    }
}
