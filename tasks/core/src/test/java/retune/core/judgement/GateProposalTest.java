package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;

class GateProposalTest {
  @Test
  void aGoodModelGetsTheUsualGate() {
    GateProposal proposal = GateProposal.of(answers(2_000, 0.95), answers(2_000, 0.95));
    assertEquals(new Gate(Metric.F1_SCORE, 0.75), proposal.gate());
    assertTrue(proposal.tellsFromGuessing());
  }

  @Test
  void anotherModelGetsWhatItReachesLessAMargin() {
    GateProposal proposal = GateProposal.of(answers(2_000, 0.8), answers(2_000, 0.75));
    assertEquals(Metric.F1_MACRO, proposal.gate().metric());
    assertTrue(proposal.gate().threshold() <= proposal.generated() - proposal.margin());
    assertTrue(proposal.gate().threshold() > proposal.generated() - proposal.margin() - 0.011);
    assertTrue(proposal.generated() < proposal.validation());
  }

  @Test
  void fewRowsWidenTheMargin() {
    double few = GateProposal.of(answers(100, 0.8), answers(100, 0.8)).margin();
    double many = GateProposal.of(answers(10_000, 0.8), answers(10_000, 0.8)).margin();
    assertTrue(few > 0.05, "margin " + few);
    assertEquals(0.02, many);
  }

  @Test
  void aModelThatGuessesIsCalledSo() {
    GateProposal proposal = GateProposal.of(answers(400, 0.5), answers(400, 0.5));
    assertFalse(proposal.tellsFromGuessing());
    assertTrue(proposal.reason().contains("hardly better than guessing"), proposal.reason());
  }

  /** One row in four is positive; so many answers are right. */
  private static Predictions answers(int rows, double right) {
    Random random = new Random(11);
    int[] labels = new int[rows];
    double[] probabilities = new double[2 * rows];
    for (int row = 0; row < rows; row++) {
      labels[row] = row % 4 == 0 ? 1 : 0;
      int answer = random.nextDouble() < right ? labels[row] : 1 - labels[row];
      probabilities[2 * row + answer] = 0.9;
      probabilities[2 * row + 1 - answer] = 0.1;
    }
    return new Predictions(labels, probabilities, 2, 1, 0.5);
  }
}
