/** Returns what a table has under a name. */
export function chosen(table, name, what) {
  if (!(name in table)) throw new RangeError(`received the ${what} ${name}; expected one of ${Object.keys(table)}.`);
  return table[name];
}
