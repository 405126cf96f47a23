import { privateNetwork } from '../support/machine';
import { testFacts } from './facts';

testFacts('fast-open', privateNetwork());
