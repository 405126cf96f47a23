/**
 * The share of its places that is taken, 0 to 1; above 1 where more wait than the kernel lets in one after another, as
 * after the limit was lowered. There is one place more than the limit says.
 */
export function fullness({
  length,
  limit,
}: {
  length: number | undefined;
  limit: number | undefined;
}): number | undefined {
  return length === undefined || limit === undefined ? undefined : length / (limit + 1);
}

/** From this share of its places on there is a reason to look. */
export const NEARLY_FULL = 0.7;
