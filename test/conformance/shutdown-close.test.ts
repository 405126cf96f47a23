import { privateNetwork } from '../support/machine';
import { testFacts } from './facts';

testFacts('shutdown-close', privateNetwork());
