/** Between texts in the form and the values that compiled formulas take. */

export type Value = string | null;

export const fromText = (text: string): Value => (text === "" ? null : text);
export const toText = (value: Value, _scale?: number): string => value ?? "";
export const aggregate = (_kind: string, _values: Value[]): Value | undefined => undefined;
