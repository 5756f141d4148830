// Writes the ACL file for Redis anew, from the list of commands that Keypost uses.
import { writeFileSync } from 'node:fs'
import { USERS_FILE, usersFile } from '../dist/src/engines/redis/users.js'

writeFileSync(new URL(`../${USERS_FILE}`, import.meta.url), usersFile())
