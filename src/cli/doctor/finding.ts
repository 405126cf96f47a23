/** Something that a check found. */
export interface Finding {
  /** For programs: never changes its meaning. */
  id: string;
  /** A problem ends the command with exit status 1; advice does not. */
  severity: 'problem' | 'advice';
  title: string;
  /** What it is about, one listener or process a line. */
  details: string[];
  remedies: Remedy[];
}

/** What to change in one place. */
export interface Remedy {
  where: 'program' | 'now' | 'at boot' | 'systemd' | 'Docker' | 'Kubernetes' | 'look';
  /** Exactly what to type or to write there; what explains it begins with '#'. */
  lines: string[];
}

/** A finding of one check, which knows nothing of the others. */
export interface Draft extends Finding {
  /** The sysctls to set; what to type for it comes when the wishes of all checks are known. */
  sysctls?: Readonly<Record<string, number>>;
}
