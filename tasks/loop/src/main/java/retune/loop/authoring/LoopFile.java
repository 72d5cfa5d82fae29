package retune.loop.authoring;

import java.util.Locale;
import retune.core.finetuning.Strategy;
import retune.core.judgement.Gate;
import retune.core.judgement.GateProposal;
import retune.core.metrics.Evaluation;

/**
 * The loop file of a new loop, with the reasons as comments.
 *
 * @param source what the loop was made from, for people
 * @param days where the days come from
 * @param family of the champion
 * @param holdout the champion on the hold-out rows
 */
record LoopFile(
    String name,
    String source,
    DaySource days,
    ModelFamily family,
    GateProposal proposal,
    Evaluation holdout) {
  String toYaml() {
    Gate gate = proposal.gate();
    return """
    %s# Only the name is required. docs/how-to/write-a-loop-file.md lists all settings.
    name: %s

    # Cron in UTC, at most one run a day. A run at 01:00 works on the day that has just ended.
    schedule: "0 1 * * *"

    data:
    %s
    gate:
    %s%s  metric: %s
      threshold: %s
      # The evidence over days decides about the model in production, and a confidence bound about
      # a candidate. With point instead of interval the value on the rows decides.
      evidence: interval
      # Only the attempt that is best on the validation rows is judged on the hold-out.
      selection: best_on_validation
      # A candidate below the threshold is promoted where it is surely better than the model in
      # production. With alert instead, that model stays; with ask, a person decides.
      below_gate: promote_if_superior

    # The attempts at fine-tuning, in order, each from the model in production; then an alert is sent.
    attempts: %s

    finetuning:
      learning_rate: 1e-4
    """
        .formatted(
            YamlText.comments(
                "", "The loop of the model %s, made from %s.".formatted(name, source)),
            YamlText.quoted(name),
            data(),
            YamlText.comments("  ", proposal.reason()),
            YamlText.comments("  ", holdoutSentence()),
            gate.metric().id(),
            String.format(Locale.ROOT, "%.2f", gate.threshold()),
            family.attempts().stream().map(Strategy::id).toList());
  }

  private String data() {
    return switch (days) {
      case DaySource.Files(String path) ->
          """
            # Real rows; {date} stands for the day. A day that is not there yet is tried again.
            source: csv
            path: %s
          """
              .formatted(YamlText.quoted(path));
      case DaySource.Queries() ->
          """
            # What users ask the prediction service, started with --query-log; labels come as
            # feedback (docs/how-to/learn-from-queries.md).
            source: queries
          """;
      case DaySource.Distribution() ->
          """
            # Rehearsal: each day's rows are drawn from the distribution that was learned from the
            # table. For real rows write, for example (docs/how-to/use-your-own-data.md):
            #   source: csv
            #   path: "/data/{date}.csv"
            source: synthetic
            rows: %s
          """
              .formatted(DaySource.Distribution.ROWS_A_DAY);
      case DaySource.HeldBack heldBack ->
          """
            # Rehearsal: each day's rows are drawn from %s texts that the first training did not see.
            # Days repeat texts, and fine-tuning trains on them, so evidence over days proves nothing
            # about users. For real rows write source: queries, which is what users ask
            # (docs/how-to/learn-from-queries.md), or (docs/how-to/use-your-own-data.md):
            #   source: csv
            #   path: "/data/{date}.csv"
            source: synthetic
            rows: %s
          """
              .formatted(heldBack.texts(), heldBack.rowsADay());
    };
  }

  private String holdoutSentence() {
    return String.format(
        Locale.ROOT,
        "On %d hold-out rows (not used for any choice) the model reaches %s %.4f, F1 %.4f, ROC AUC"
            + " %.4f.",
        holdout.rows(),
        proposal.gate().metric().title(),
        holdout.value(proposal.gate().metric()),
        holdout.f1Score(),
        holdout.rocAuc());
  }
}
