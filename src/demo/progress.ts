const WIDTH = 30

/** How far the demo is: a live bar in a terminal, elsewhere a line a step. */
export interface Progress {
  /** `settled` of `total` events of the step have their result. */
  show(title: string, settled: number, total: number): void
  /** A step is done, or left out: what it says stays. */
  done(line: string): void
}

export function progressOn(stream: NodeJS.WriteStream): Progress {
  const live = stream.isTTY && !process.env.CI
  return {
    show: (title, settled, total) => {
      if (live) stream.write(`\r\x1b[K  ${bar(settled, total)} ${title}`)
    },
    done: (line) => {
      stream.write(`${live ? '\r\x1b[K' : ''}  ${line}\n`)
    },
  }
}

export function bar(settled: number, total: number): string {
  const full = Math.floor((WIDTH * settled) / total)
  const count = `${settled}/${total}`.padStart(2 * String(total).length + 1)
  return `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)} ${count}`
}
