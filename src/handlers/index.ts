import type { Handler } from '../bus/handler.js'
import { keySubmitted } from './key-submitted.js'
import { keyUpdated } from './key-updated.js'
import { profileDeleted } from './profile-deleted.js'

/** What Keypost does with its own events; those of other types are recorded. */
export const standardHandlers: Handler[] = [keySubmitted, keyUpdated, profileDeleted]
