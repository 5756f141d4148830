/** How many of the peppers that data was written under are not among those in use. */
export const unknownPeppers = (written: string[], inUse: string[]): number =>
  written.filter((id) => id !== '' && !inUse.includes(id)).length

export const UNKNOWN_PEPPER =
  'some of the data was written under a pepper that is not in KEY_PEPPER: duplicates of its keys are not found'
