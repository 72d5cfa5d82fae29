package retune.learning.trees;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.finetuning.Growth;
import retune.core.finetuning.Strategy;
import retune.core.metrics.ClassificationMetrics;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.split.Part;
import retune.core.statistics.Influence;
import retune.core.statistics.Interval;
import retune.learning.training.CandidateTraining;
import retune.learning.training.FinetuningStart;
import retune.learning.training.Progress;
import retune.learning.training.Trained;
import retune.learning.trees.Boosting.Grown;
import retune.model.Architecture;
import retune.model.Architecture.Trees.Input;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.batch.ReplayRows;
import retune.model.importing.IdentityHead;
import retune.model.trees.Forest;
import retune.model.trees.TreesFile;
import retune.runtime.StepContext;

/**
 * Boosts trees on the day's training rows: new ones and, where the champion is boosted trees, more
 * trees on top of its own. Ordinary rows join in, with shares that weigh them. The validation rows,
 * and as many ordinary rows where these join in, choose among what was boosted, and the decision
 * threshold.
 *
 * @param strategy with ordinary rows, or with them unless the day's validation rows tell that they
 *     cost
 * @param growth how they are boosted
 */
public record TreesFinetuning(Strategy strategy, Growth growth) implements CandidateTraining {
  private static final Logger LOGGER = System.getLogger(TreesFinetuning.class.getName());

  /** Most rounds of a champion that is boosted further, to bound the time of a prediction. */
  private static final int MOST_ROUNDS = 1_000;

  /** Two-sided; 95 % on each side. */
  private static final double CONFIDENCE = 0.9;

  /** What all ordinary rows together weigh, where all of the day's rows weigh 1. */
  private static final double[] SHARES = {1, 0.3};

  /**
   * Where boosting starts.
   *
   * @param forest null for the classes' shares
   */
  private record Beginning(List<Input> inputs, @Nullable Forest forest) {}

  /**
   * What is boosted, and on what.
   *
   * @param training rows that fit
   * @param share what ordinary rows weigh; 0 without any
   */
  private record Plan(Beginning beginning, List<TreeRows> training, double share) {}

  /**
   * Trees that were boosted.
   *
   * @param answers on the day's validation rows, with the decision threshold that suits the metric
   *     best
   * @param loss log loss on the rows that choose, which varies less than a metric of answers
   */
  private record Candidate(Plan plan, GrownTrees model, Predictions answers, double loss) {}

  @Override
  public String description() {
    return String.format(
        Locale.ROOT,
        "boosted trees, with ordinary rows beside the day's%s (at most %d rounds, step %.3g;"
            + " decision threshold chosen on validation rows)",
        strategy == Strategy.TREES_REPLAY ? "" : " or without",
        Boosting.MOST_ROUNDS,
        growth.step());
  }

  @Override
  public Trained train(FinetuningStart start, StepContext context) {
    TreeRows training = rows(start, Part.TRAINING);
    TreeRows validation = rows(start, Part.VALIDATION);
    int[] classes = Arrays.stream(training.selectedLabels()).distinct().toArray();
    if (classes.length == 1) {
      return new Trained.Nothing(
          "all %d training rows have the class '%s'."
              .formatted(training.size(), start.champion().target().classes().get(classes[0])));
    }
    Optional<ReplayRows> replay =
        ReplayRows.before(context, start.data().batch(), training.size(), validation.size());
    if (replay.isEmpty() && strategy == Strategy.TREES_REPLAY) {
      return new Trained.Nothing(
          "no earlier day on which production passed has rows that may be replayed.");
    }
    List<Plan> plans = new ArrayList<>();
    if (strategy == Strategy.TREES) {
      plans.addAll(plans(start, training));
    }
    replay.ifPresent(
        ordinary -> plans.addAll(plans(start, training, TreeRows.all(ordinary.training()))));
    List<TreeRows> ordinary =
        replay
            .map(rows -> TreeRows.all(rows.validation()).repeatedTo(validation.size()))
            .map(List::of)
            .orElse(List.of());
    List<Candidate> candidates = boost(start, plans, validation, ordinary, context);
    List<String> replayable = replay.map(ReplayRows::contents).orElse(null);
    return choice(start.metric(), candidates).stream()
        .map(chosen -> trained(start, chosen, replayable))
        .reduce(Trained.Candidate::withAlternative)
        .<Trained>map(chosen -> chosen)
        .orElseGet(
            () ->
                new Trained.Nothing(
                    "no round of boosting lowers the log loss on the validation rows."));
  }

  private static List<Plan> plans(FinetuningStart start, TreeRows training) {
    return beginnings(start).stream()
        .map(beginning -> new Plan(beginning, List.of(training), 0))
        .toList();
  }

  private static List<Plan> plans(FinetuningStart start, TreeRows training, TreeRows ordinary) {
    double all = (double) training.size() / ordinary.size();
    return beginnings(start).stream()
        .flatMap(
            beginning ->
                Arrays.stream(SHARES)
                    .mapToObj(
                        share ->
                            new Plan(
                                beginning,
                                List.of(training, ordinary.weighing(share * all)),
                                share)))
        .toList();
  }

  /** What the plans give, without those that stop before the first round. */
  private List<Candidate> boost(
      FinetuningStart start,
      List<Plan> plans,
      TreeRows validation,
      List<TreeRows> ordinary,
      StepContext context) {
    List<Candidate> candidates = new ArrayList<>();
    for (int i = 0; i < plans.size(); i++) {
      Plan plan = plans.get(i);
      long before = (long) i * Boosting.MOST_ROUNDS;
      long all = (long) plans.size() * Boosting.MOST_ROUNDS;
      Progress progress = (what, done, total) -> context.progress(what, before + done, all);
      List<TreeRows> choosing = new ArrayList<>(List.of(validation));
      if (plan.share > 0) {
        choosing.addAll(ordinary);
      }
      Candidate candidate = boost(start, plan, choosing, progress);
      if (candidate.model.grown().bestRound() > 0) {
        candidates.add(candidate);
      }
    }
    return candidates;
  }

  /**
   * What ordinary rows have trained too. Where the day's rows alone are surely better on the day's
   * validation rows, these come first, and the judgement decides by what is lost on ordinary rows.
   */
  private static List<Candidate> choice(Metric metric, List<Candidate> candidates) {
    Optional<Candidate> day = best(candidates, candidate -> candidate.plan.share == 0);
    Optional<Candidate> replay = best(candidates, candidate -> candidate.plan.share > 0);
    if (day.isEmpty() || replay.isEmpty()) {
      return day.or(() -> replay).stream().toList();
    }
    Predictions alone = day.get().answers;
    Predictions together = replay.get().answers;
    Interval gain =
        Influence.of(metric, alone)
            .minus(Influence.of(metric, together))
            .interval(metric.of(alone) - metric.of(together), CONFIDENCE);
    LOGGER.log(
        Level.INFO,
        () ->
            String.format(
                Locale.ROOT,
                "On the validation rows %s is %.4f with ordinary rows and %.4f without, a"
                    + " difference of %+.4f to %+.4f with 95 %% confidence on each side.",
                metric.id(),
                metric.of(together),
                metric.of(alone),
                gain.low(),
                gain.high()));
    return gain.low() > 0 ? List.of(day.get(), replay.get()) : List.of(replay.get());
  }

  private static Optional<Candidate> best(List<Candidate> candidates, Predicate<Candidate> wanted) {
    return candidates.stream().filter(wanted).min(Comparator.comparingDouble(Candidate::loss));
  }

  private Candidate boost(
      FinetuningStart start, Plan plan, List<TreeRows> choosing, Progress progress) {
    Boosting boosting = boosting(start, plan.beginning.inputs);
    Forest begin = plan.beginning.forest;
    Grown grown =
        boosting.run(
            begin == null ? boosting.shares(plan.training) : begin,
            plan.training,
            choosing.getFirst(),
            progress);
    GrownTrees model = new GrownTrees(plan.beginning.inputs, start.champion().target(), grown);
    Predictions answers =
        GrownTrees.withBestThreshold(
            start.metric(), Predictions.joined(choosing.stream().map(model::answers).toList()));
    Predictions ofDay = answers.select(IntStream.range(0, choosing.getFirst().size()).toArray());
    return new Candidate(plan, model, ofDay, ClassificationMetrics.logLoss(answers));
  }

  private static TreeRows rows(FinetuningStart start, Part part) {
    return new TreeRows(
        start.data().features(),
        start.data().rows(part),
        start.data().batch().rows().trainingLabels(),
        1,
        part == Part.TRAINING ? start.data().weights() : null);
  }

  /** None, and the champion's trees where they can be boosted further. */
  private static List<Beginning> beginnings(FinetuningStart start) {
    Beginning none = new Beginning(TreeColumns.of(start.champion().preprocessing()), null);
    return championsTrees(start).map(trees -> List.of(none, trees)).orElse(List.of(none));
  }

  /** Empty where the champion is no trees, or has more than an identity for a head. */
  private static Optional<Beginning> championsTrees(FinetuningStart start) {
    ModelVersion champion = start.champion();
    Weights.Archive archive = start.weights().archive();
    if (!(champion.architecture() instanceof Architecture.Trees trees)
        || archive == null
        || !IdentityHead.is(start.weights().tensors(), trees.outputs(), champion.target())) {
      return Optional.empty();
    }
    Forest forest = TreesFile.read(archive.bytes(), champion.modelId()).forest();
    return forest.isInRounds() && forest.trees().size() <= MOST_ROUNDS * forest.outputs()
        ? Optional.of(new Beginning(trees.inputs(), forest))
        : Optional.empty();
  }

  /** Two classes have a decision threshold, so that weighing them gains nothing. */
  private Boosting boosting(FinetuningStart start, List<Input> inputs) {
    ModelVersion champion = start.champion();
    return new Boosting(
        inputs,
        champion.preprocessing().schema(),
        champion.target(),
        start.classWeights() && !champion.target().isBinary(),
        Boosting.MOST_ROUNDS,
        growth,
        start.seed());
  }

  private Trained.Candidate trained(
      FinetuningStart start, Candidate best, @Nullable List<String> replayable) {
    List<String> replayed = best.plan.share > 0 ? replayable : null;
    Grown grown = best.model.grown();
    Beginning beginning = best.plan.beginning;
    LOGGER.log(
        Level.INFO,
        "Boosting kept {0} of {1} rounds, {2}.",
        grown.bestRound(),
        grown.losses().size(),
        beginning.forest == null ? "from nothing" : "after the champion''s trees");
    Map<String, Double> settings = new TreeMap<>();
    settings.put("continued", beginning.forest == null ? 0.0 : 1.0);
    if (!growth.equals(Growth.DEFAULT)) {
      settings.put("depth", (double) growth.depth());
      settings.put("least_weight", (double) growth.leastWeight());
      settings.put("l2", (double) growth.l2());
      settings.put("sample", growth.sample());
    }
    if (replayable != null) {
      settings.put("replay_share", best.plan.share);
    }
    if (replayed != null) {
      settings.put("replayed_rows", (double) best.plan.training.getLast().size());
    }
    return new Trained.Candidate(
        best.model.architecture(),
        best.model.weights(),
        grown.losses().size(),
        growth.step(),
        1,
        grown.bestRound(),
        best.answers,
        null,
        best.model.history(),
        best.model.golden(rows(start, Part.VALIDATION).selected()),
        replayed,
        settings,
        null);
  }
}
