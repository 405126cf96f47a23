/**
 * Runs listeners of an event. What one throws becomes an 'uncaughtException', as it does where Node emits, and not the
 * rejection of a promise, or an error of the call, that merely happened to be under way.
 */
export function emitting(emit: () => void): void {
  try {
    emit();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
