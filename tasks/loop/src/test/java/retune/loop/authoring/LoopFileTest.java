package retune.loop.authoring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import retune.core.data.Target;
import retune.core.distribution.HeldBackTexts;
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
            new DaySource.Distribution(),
            ModelFamily.NETWORK,
            GateProposal.of(answers, answers),
            Evaluation.of(answers));
    assertEquals(Files.readString(MADE), file.toYaml());
  }

  @Test
  void realRowsAreReadFromWhereTheUserSaysAndAttemptsSuitTheChampion() {
    String yaml = yaml("https://files.example.com/{date}.csv", null, ModelFamily.TREES);
    assertTrue(yaml.contains("\nattempts: [trees, head_long]\n"), yaml);
    assertTrue(
        yaml.contains("\n  source: csv\n  path: \"https://files.example.com/{date}.csv\"\n"), yaml);
    String asked = yaml("queries", null, ModelFamily.TREES);
    assertTrue(asked.contains("\n  source: queries\n\ngate:\n"), asked);
  }

  @Test
  void aDayHasAllOfFewHeldBackTextsAndHalfOfMany() {
    assertTrue(yaml(null, 120, ModelFamily.TEXT).contains("\n  source: synthetic\n  rows: 120\n"));
    assertTrue(yaml(null, 700, ModelFamily.TEXT).contains("\n  rows: 500\n"));
    String many = yaml(null, 2_001, ModelFamily.TEXT);
    assertTrue(many.contains("\n  rows: 1000\n") && many.contains(" from 2001 texts "), many);
    assertTrue(many.contains("\nattempts: [head_long, head]\n"), many);
    assertTrue(many.contains(" so evidence over days proves nothing\n  # about users."), many);
  }

  private static String yaml(
      @Nullable String days, @Nullable Integer heldBack, ModelFamily family) {
    Predictions answers =
        new Predictions(new int[] {0, 1}, new double[] {.9, .1, .2, .8}, 2, 1, 0.5);
    Target target = new Target("intent", List.of("a", "b"), "b");
    return new LoopFile(
            "churn",
            "file.csv",
            DaySource.of(
                days,
                heldBack == null
                    ? null
                    : new HeldBackTexts(
                        HeldBackTexts.FORMAT,
                        "text",
                        target,
                        Collections.nCopies(heldBack, "hello"),
                        Collections.nCopies(heldBack, "a"),
                        "hash")),
            family,
            GateProposal.of(answers, answers),
            Evaluation.of(answers))
        .toYaml();
  }
}
