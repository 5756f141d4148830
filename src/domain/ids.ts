import { createHmac, randomInt } from 'node:crypto'
import { UUID, V7Generator } from 'uuidv7'

/** 16 bits that decide where a record and all that belongs to it lives: partition = placement mod partitions. */
export type Placement = number

const generator = new V7Generator()

/**
 * A UUIDv7, monotone in this process, that carries its placement in its last 16 bits. Its time stamp and
 * counter come before them, so the order of ids is the order of creation.
 */
export const newId = (placement: Placement = randomInt(0x10000)): string =>
  place(Uint8Array.from(generator.generate().bytes), placement)

/** What the ids of one operation are for. */
const ROLES = { record: 0x0000, event: 0xffff }
export type Role = keyof typeof ROLES

/**
 * The id of what an operation creates: whoever carries it out again, in whatever process, comes to the same.
 * Of an id of newId it keeps the time stamp and the counter, which make it unique and give it its order; the
 * random bits after them tell the roles apart.
 */
export function derivedId(operationId: string, role: Role, placement: Placement): string {
  const bytes = Uint8Array.from(UUID.parse(operationId).bytes)
  bytes[12] = (bytes[12] ?? 0) ^ (ROLES[role] >> 8)
  bytes[13] = (bytes[13] ?? 0) ^ (ROLES[role] & 0xff)
  return place(bytes, placement)
}

function place(bytes: Uint8Array, placement: Placement): string {
  bytes[14] = placement >> 8
  bytes[15] = placement & 0xff
  return UUID.ofInner(bytes).toString()
}

/** The placement that an id carries. */
export const placementOf = (id: string): Placement => Number.parseInt(id.slice(-4), 16)

/** The instant in an id's time stamp, RFC 3339. */
export const timeOf = (id: string): string =>
  new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toISOString()

/**
 * The placement of things that must share a partition with whatever has the same `value` (a fingerprint, an
 * email, a subject). Keyed, so that nobody outside can aim at a partition, or read anything from an id.
 */
export const placementFor = (placementKey: string, value: string): Placement =>
  createHmac('sha256', placementKey).update(value).digest().readUInt16BE(0)
