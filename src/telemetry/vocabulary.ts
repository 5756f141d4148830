import { topics } from '../domain/topics.js'

/** Every label value is a time series for ever: what clients name themselves gets so many. */
const MAX_NAMES = 100
const OTHER = 'other'

/** The standard topics, which can have no events but Keypost's own. */
const standard = new Set<string>(Object.values(topics))

interface Labels {
  topic: string
  type: string
}

/** Label values for topics and types: the first custom ones have their names, all later ones share `other`. */
export class Vocabulary {
  readonly #topics = new Set<string>()
  readonly #types = new Map<string, Labels>()

  topic(name: string): string {
    if (standard.has(name) || this.#topics.has(name)) return name
    if (this.#topics.size === MAX_NAMES) return OTHER
    this.#topics.add(name)
    return name
  }

  labels({ topic, type }: Labels): Labels {
    if (standard.has(topic)) return { topic, type }
    const name = `${topic}/${type}`
    const known = this.#types.get(name)
    if (known !== undefined) return known
    if (this.#types.size === MAX_NAMES) return { topic: this.topic(topic), type: OTHER }
    const labels = { topic: this.topic(topic), type }
    this.#types.set(name, labels)
    return labels
  }
}
