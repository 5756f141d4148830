/** Resolves as soon as a condition holds, for what nothing announces. */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('the condition did not come to hold')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
