import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Setting } from './rig.js'

const LIBFAKETIME = ['x86_64-linux-gnu', 'aarch64-linux-gnu', '']
  .map((triplet) => join('/usr/lib', triplet, 'faketime/libfaketime.so.1'))
  .find((path) => existsSync(path))

const mount = (...args: string[]) => spawnSync('mount', args, { encoding: 'utf8' }).status === 0

let mounts: boolean | undefined
function canMount(): boolean {
  if (mounts !== undefined) return mounts
  const probe = join(tmpdir(), `kp-probe-${process.pid}`)
  mkdirSync(probe)
  mounts = mount('-t', 'tmpfs', '-o', 'size=64k', 'keypost', probe)
  if (mounts) spawnSync('umount', [probe])
  spawnSync('rmdir', [probe])
  return mounts
}

/** Why this machine cannot provide a setting; null: it can. */
export function lacking(setting: Setting): string | null {
  if (setting === 'disk') return canMount() ? null : 'mounting a tmpfs is not permitted'
  if (setting !== 'clock') return null
  return LIBFAKETIME === undefined ? 'libfaketime is not installed (Debian: apt-get install faketime)' : null
}

const MIB = 2 ** 20

/** A file system of its own, which can be made full. */
export class Disk {
  readonly path: string

  constructor(t: Test) {
    this.path = join(tmpdir(), `kp-disk-${process.pid}-${Math.random().toString(36).slice(2, 8)}`)
    mkdirSync(this.path, { mode: 0o700 })
    if (!mount('-t', 'tmpfs', '-o', 'size=1g,mode=0700', 'keypost', this.path)) throw new Error('no tmpfs')
    t.teardown(() => {
      spawnSync('umount', ['-l', this.path])
      spawnSync('rmdir', [this.path])
    })
  }

  /** Leaves room for very little more. */
  fill(): void {
    const { blocks, bfree, bsize } = statfsSync(this.path)
    this.#resize((blocks - bfree) * bsize + MIB / 4)
  }

  free(): void {
    this.#resize(1024 * MIB)
  }

  #resize(bytes: number): void {
    if (!mount('-o', `remount,size=${bytes}`, this.path)) throw new Error('the tmpfs cannot be resized')
  }
}

/** The wall clock of the processes that are given its environment; their monotonic clocks go on. */
export class Clock {
  readonly #file: string
  readonly env: Record<string, string>

  constructor(folder: string) {
    this.#file = join(folder, 'clock')
    this.set(0)
    this.env = {
      // redis-server's jemalloc asks for the time before libfaketime is ready: malloc is to be that of libc.
      LD_PRELOAD: `${LIBFAKETIME} libc.so.6`,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_NO_CACHE: '1',
    }
  }

  /** To so many seconds off the right time. */
  set(seconds: number): void {
    writeFileSync(this.#file, `${seconds < 0 ? '' : '+'}${seconds}`)
  }
}
