package retune.loop.authoring;

import java.util.Locale;
import retune.core.judgement.Gate;
import retune.core.judgement.GateProposal;
import retune.core.metrics.Evaluation;

/**
 * The loop file of a new loop, with the reasons as comments.
 *
 * @param source what the loop was made from, for people
 * @param holdout the champion on the rows that chose nothing
 */
record LoopFile(String name, String source, GateProposal proposal, Evaluation holdout) {
  /** Rows of a generated day: enough for a gate within a hundredth, in seconds of work. */
  private static final int ROWS_A_DAY = 10_000;

  String toYaml() {
    Gate gate = proposal.gate();
    return """
        %s# Every setting but the name may be left out; docs/how-to/write-a-loop-file.md has them all.
        name: %s

        # Cron, UTC; at most one run a day. A run at 01:00 works on the day that has just ended.
        schedule: "0 1 * * *"

        data:
          # Rows drawn from the distribution that was learned from the table.
          source: synthetic
          rows: %d

        gate:
        %s%s  metric: %s
          threshold: %s
          # 1 to 3, each by another strategy; after the last one people are told.
          max_attempts: 3

        finetuning:
          epochs: 5
          learning_rate: 1e-4
        """
        .formatted(
            YamlText.comments(
                "",
                "The loop that keeps the model %s honest, made from %s.".formatted(name, source)),
            YamlText.quoted(name),
            ROWS_A_DAY,
            YamlText.comments("  ", proposal.reason()),
            YamlText.comments("  ", holdoutSentence()),
            gate.metric().id(),
            String.format(Locale.ROOT, "%.2f", gate.threshold()));
  }

  private String holdoutSentence() {
    return String.format(
        Locale.ROOT,
        "On %d hold-out rows, which chose nothing, the model has %s %.4f, F1 %.4f, ROC AUC %.4f.",
        holdout.rows(),
        proposal.gate().metric().title(),
        holdout.value(proposal.gate().metric()),
        holdout.f1Score(),
        holdout.rocAuc());
  }
}
