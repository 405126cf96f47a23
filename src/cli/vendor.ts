/** The command line's third-party libraries, in one place: this file is bundled, so that users install none of them. */
import Table from 'cli-table3';

export { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
export { Table };
