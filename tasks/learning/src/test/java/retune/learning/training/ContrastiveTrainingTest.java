package retune.learning.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import retune.core.data.Features;
import retune.learning.Examples;
import retune.learning.training.ContrastiveTraining.Outcome;

@Tag("slow")
class ContrastiveTrainingTest {
  private static Outcome pretrain(Features features, long seed, List<String> log) {
    return new ContrastiveTraining(4, 1e-3, 64, 0.5f, 0.3, seed)
        .run(Examples.SMALL, features, (what, done, total) -> {}, log::add);
  }

  @Test
  void theLossFallsAndTheProjectionIsDropped() {
    List<String> log = new ArrayList<>();
    Outcome outcome = pretrain(Examples.features(Examples.schema(2, 3), 640, 1), 1, log);
    assertTrue(
        outcome.history().getLast().loss() < outcome.history().getFirst().loss() - 0.1,
        log.toString());
    assertFalse(outcome.encoder().hasHead());
    assertEquals(4, log.size());
    assertTrue(log.getFirst().startsWith("[Pretrain] Epoch  1 | Loss: "), log.getFirst());
  }

  @Test
  void theSameSeedGivesTheSameEncoder() {
    Features features = Examples.features(Examples.schema(2, 3), 200, 1);
    assertEquals(
        pretrain(features, 5, new ArrayList<>()).encoder().hash(),
        pretrain(features, 5, new ArrayList<>()).encoder().hash());
  }
}
