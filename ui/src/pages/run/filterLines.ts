import type { LogLine } from '../../api/types';

/** The lines that hold a text (in lower case), or whose level it names. */
export function filterLines(lines: readonly LogLine[], wanted: string): readonly LogLine[] {
  if (wanted === '') return lines;
  return lines.filter((line) => line.text.toLowerCase().includes(wanted) || line.level.toLowerCase() === wanted);
}
