import createClient from 'openapi-fetch'
import type { paths } from './api.js'

const api = createClient<paths>({ baseUrl: 'http://127.0.0.1' })

/** Each of these lines is one mistake. */
export const mistakes = async () => {
  await api.POST('/keys', { body: { key: 'k', nmae: 'a field that is misspelt' } })
  await api.POST('/profiles', { body: { name: 'an email that is missing' } })
  await api.GET('/kes')
  await api.GET('/keys', { params: { query: { state: 'a filter that there is not' } } })
  await api.GET('/keys', { params: { query: { status: 'a status that there is not' } } })
  await api.DELETE('/stats')
  return (await api.GET('/stats')).data?.uptime
}

/** This one as well. */
export type NoSuchStatus = paths['/keys/{id}']['patch']['responses'][418]
