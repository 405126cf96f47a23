import type { BacklogExplanation, BacklogRecommendation } from 'listenq/kernel';
import type { Answer } from './answer';

/** How large the backlog should be. */
export function answerOnSize(
  recommendation: BacklogRecommendation | undefined,
  explanation: BacklogExplanation | undefined,
): Answer {
  const question = 'How large should it be?';
  if (recommendation === undefined) {
    return {
      question,
      sentences: [
        'Large enough for those who come in the longest pause of the server: --rate and --pause work it out.',
        'Too large costs nothing until so many wait, and then they wait long.',
      ],
    };
  }
  const { backlog, why, obstacles } = recommendation;
  return {
    question,
    sentences: [
      `${backlog}.`,
      ...why,
      ...(explanation === undefined ? [] : [verdict(explanation, recommendation)]),
      ...obstacles.map(
        ({ sysctl, value, why: because }) => `${sysctl} = ${value} stands in the way: ${because}.`,
      ),
    ],
    commands: obstacles.map(({ set }) => set),
  };
}

function verdict({ asked, tcp }: BacklogExplanation, { waiting }: BacklogRecommendation): string {
  return `With ${asked}, ${tcp.waiting} can wait: ${tcp.waiting < waiting ? 'too few' : 'enough'}.`;
}
