"""A Realmbeat client with Google's protobuf package and nothing of ours but the .proto files.

Usage: client.py HOST:PORT LOGIN_TOKEN
"""

import math
import socket
import sys

from realmbeat.v1 import packet_pb2, view_pb2

PATIENCE_S = 60
TURN = 65536


def put_varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Client:
    """A connection that keeps what it was shown."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        self.buffer = b""
        self.request = 0
        self.cell_size = 0
        self.entities = {}  # id -> [kind, name, x, y, hp], in centimetres of the map
        self.items = {}  # id -> (template, quantity)
        self.ack = 0

    def send(self, **body):
        self.request += 1
        packet = packet_pb2.ClientPacket(request=self.request, **body)
        data = packet.SerializeToString()
        self.socket.sendall(put_varint(len(data)) + data)
        return self.request

    def read_packet(self):
        while True:
            length, shift, used = 0, 0, 0
            for byte in self.buffer:
                length |= (byte & 0x7F) << shift
                shift, used = shift + 7, used + 1
                if byte < 0x80:
                    if len(self.buffer) >= used + length:
                        data = self.buffer[used : used + length]
                        self.buffer = self.buffer[used + length :]
                        packet = packet_pb2.ServerPacket()
                        packet.ParseFromString(data)
                        return packet
                    break
            chunk = self.socket.recv(65536)
            if not chunk:
                raise SystemExit("the server has hung up")
            self.buffer += chunk

    def next(self):
        """The next packet, after what it shows was kept."""
        packet = self.read_packet()
        kind = packet.WhichOneof("body")
        if kind == "view":
            self.see(packet.view)
        elif kind == "entered":
            self.cell_size = packet.entered.cell_size
            self.entities.clear()
        elif kind == "inventory":
            self.items = {i.id: (i.template, i.quantity) for i in packet.inventory.items}
        elif kind == "inventory_changed":
            for item in packet.inventory_changed.changed:
                self.items[item.id] = (item.template, item.quantity)
            for item in packet.inventory_changed.removed:
                self.items.pop(item, None)
        return kind, packet

    def expect(self, wanted):
        while True:
            kind, packet = self.next()
            if kind == wanted:
                return getattr(packet, kind)
            if kind in ("refused", "goodbye"):
                raise SystemExit(f"waited for {wanted}, got {packet}")

    def see(self, view):
        self.ack = view.ack
        if view.reset:
            self.entities.clear()
        for cell in view.states:
            for entity in cell.enters:
                x, y = self.place(cell, entity)
                self.entities[entity.id] = [entity.kind, entity.name, x, y, entity.hp]
            for departure in cell.leaves:
                # This world has no cell out of sight, so a leave with a destination is an enter elsewhere.
                if not departure.HasField("to"):
                    self.entities.pop(departure.entity, None)
            for vitals in cell.vitals:
                if vitals.entity in self.entities:
                    self.entities[vitals.entity][4] = vitals.hp
        for cell in view.motions:
            for motion in cell.motions:
                if motion.entity in self.entities:
                    self.entities[motion.entity][2:4] = self.place(cell, motion)

    def place(self, cell, entry):
        return (
            cell.column * self.cell_size + entry.x,
            cell.row * self.cell_size + entry.y,
        )

    def of_kind(self, kind):
        return [number for number, entity in self.entities.items() if entity[0] == kind]


class Player:
    """Walks, fights and gathers with a client that is in the world."""

    def __init__(self, client, entered):
        self.client = client
        self.entity = entered.entity
        self.sequence = 0

    def here(self):
        return self.client.entities[self.entity][2:4]

    def steer(self, heading, walking):
        self.sequence += 1
        move = {"heading": heading, "walking": walking, "sequence": self.sequence}
        self.client.send(move=move)
        while self.client.ack < self.sequence:
            self.client.expect("view")

    def walk_to(self, target, reach):
        """Walks until the entity is in reach."""
        while True:
            x, y = self.here()
            to_x, to_y = self.client.entities[target][2:4]
            if math.hypot(to_x - x, to_y - y) <= reach:
                self.steer(0, False)
                return
            turn = math.atan2(to_y - y, to_x - x) / math.tau
            self.steer(round(turn * TURN) % TURN, True)

    def kill(self, target):
        client = self.client
        while client.entities.get(target, [0] * 5)[4] > 0:
            self.walk_to(target, 200)
            client.send(attack={"target": target})
            # The blow, or why not yet.
            kind, packet = client.next()
            while kind == "view" and not any(c.strikes for c in packet.view.states):
                kind, packet = client.next()

    def take(self, item):
        self.walk_to(item, 200)
        before = dict(self.client.items)
        self.client.send(pick_up={"entity": item})
        self.client.expect("inventory_changed")
        return [self.client.items[i] for i in self.client.items if i not in before]


def main():
    address, token = sys.argv[1:]
    client = Client(address)
    client.send(hello={"protocol_version": 1, "client": "python"})
    client.expect("welcome")
    client.send(token_login={"token": token})
    print("logged in as", client.expect("logged_in").name)
    client.send(create_character={"name": "Monty"})
    character = client.expect("character_created").character
    client.send(enter_world={"character": character.id})
    entered = client.expect("entered")
    print("in the world at", entered.zone)

    player = Player(client, entered)
    while player.entity not in client.entities or not client.of_kind(view_pb2.ENTITY_KIND_MONSTER):
        client.expect("view")
    monster = client.of_kind(view_pb2.ENTITY_KIND_MONSTER)[0]
    start = player.here()
    player.walk_to(monster, 200)
    print("walked from", start, "to", player.here())

    client.send(say={"text": "ssss"})
    print("heard", client.expect("chat_line").text)

    player.kill(monster)
    print("killed", monster)
    while not client.of_kind(view_pb2.ENTITY_KIND_ITEM):
        client.expect("view")
    for template, quantity in player.take(client.of_kind(view_pb2.ENTITY_KIND_ITEM)[0]):
        print("owns", template, quantity)

    client.send(leave_world={})
    client.expect("left_world")
    print("left the world")


main()
