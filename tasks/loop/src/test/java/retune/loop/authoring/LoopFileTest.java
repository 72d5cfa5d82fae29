package retune.loop.authoring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import retune.core.judgement.GateProposal;
import retune.core.metrics.Evaluation;
import retune.core.metrics.Predictions;

class LoopFileTest {
  /** The DAGs' own tests read this file, so that what is written here is what they accept. */
  private static final Path MADE = Path.of("../../airflow/tests/made-by-new-loop.yaml");

  @Test
  void theFileSaysWhyTheGateIsWhatItIs() throws Exception {
    Predictions answers =
        new Predictions(
            new int[] {0, 0, 1, 1}, new double[] {.9, .1, .8, .2, .3, .7, .6, .4}, 2, 1, 0.5);
    LoopFile file =
        new LoopFile(
            "churn",
            "a\nfile.csv (4 rows)",
            null,
            ModelFamily.NETWORK,
            GateProposal.of(answers, answers),
            Evaluation.of(answers));
    assertEquals(Files.readString(MADE), file.toYaml());
  }

  @Test
  void realRowsAreReadFromWhereTheUserSaysAndAttemptsSuitTheChampion() {
    Predictions answers =
        new Predictions(new int[] {0, 1}, new double[] {.9, .1, .2, .8}, 2, 1, 0.5);
    String yaml =
        new LoopFile(
                "churn",
                "file.csv",
                "https://files.example.com/{date}.csv",
                ModelFamily.TREES,
                GateProposal.of(answers, answers),
                Evaluation.of(answers))
            .toYaml();
    assertTrue(yaml.contains("\nattempts: [trees, head_long]\n"), yaml);
    assertTrue(
        yaml.contains("\n  source: csv\n  path: \"https://files.example.com/{date}.csv\"\n"), yaml);
  }
}
