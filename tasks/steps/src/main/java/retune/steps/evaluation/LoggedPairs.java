package retune.steps.evaluation;

import java.time.LocalDate;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.data.Target;
import retune.judgement.ChallengerDay;
import retune.judgement.ChallengerLedger.Pair;
import retune.model.ChallengerTraffic;
import retune.runtime.store.QueryBlock;
import retune.runtime.store.QueryLogs;

/**
 * The requests of a date that the champion has answered and the challenger scored in shadow, with
 * people's labels as far as they came. Of several rows of one key the first counts. Numbers in
 * place of texts: 2 million requests take 100 MB.
 */
final class LoggedPairs {
  private static final String SHADOW = ChallengerTraffic.Mode.SHADOW.id();

  private final LocalDate date;
  private final Pair pair;
  private final Target target;
  private final Map<String, Integer> classes;
  private final KeyNumbers keys = new KeyNumbers();
  private int[] champion = {};
  private int[] challenger = {};
  private int[] labels = {};
  private double[] championProbabilities = {};
  private double[] challengerProbabilities = {};
  private int labelled;
  private int malformed;
  private @Nullable String firstMalformed;

  private LoggedPairs(LocalDate date, Pair pair, Target target) {
    this.date = date;
    this.pair = pair;
    this.target = target;
    this.classes =
        IntStream.range(0, target.classes().size())
            .boxed()
            .collect(Collectors.toMap(target.classes()::get, index -> index));
  }

  static LoggedPairs read(QueryLogs log, String model, LocalDate date, Pair pair, Target target) {
    LoggedPairs pairs = new LoggedPairs(date, pair, target);
    Iterator<QueryLogs.Answers> blocks = log.answers(model, date);
    while (blocks.hasNext()) {
      pairs.add(blocks.next());
    }
    return pairs;
  }

  LocalDate date() {
    return date;
  }

  int size() {
    return keys.size();
  }

  /** Number of pairs with a label. */
  int labelled() {
    return labelled;
  }

  /** Rows without the shape of an answer; a block that cannot be read counts as one. */
  int malformed() {
    return malformed;
  }

  /** The block that has the first of them; null if there are none. */
  @Nullable String firstMalformed() {
    return firstMalformed;
  }

  /** Gives the row of a key a label in place of any before; without effect for other keys. */
  void label(String key, String label) {
    int number = keys.find(key);
    if (number != KeyNumbers.NONE) {
      int before = labels[number];
      labels[number] = classes.getOrDefault(label, Target.UNLABELLED);
      labelled += known(labels[number]) - known(before);
    }
  }

  private static int known(int label) {
    return label == Target.UNLABELLED ? 0 : 1;
  }

  /** The pairs that have a label. */
  ChallengerDay.Pairs withLabels() {
    return new ChallengerDay.Pairs(
        withLabels(labels),
        withLabels(champion),
        withLabels(challenger),
        withLabels(championProbabilities),
        withLabels(challengerProbabilities));
  }

  private int[] withLabels(int[] values) {
    int[] kept = new int[labelled];
    int filled = 0;
    for (int number = 0; filled < labelled; number++) {
      if (labels[number] != Target.UNLABELLED) {
        kept[filled++] = values[number];
      }
    }
    return kept;
  }

  private double[] withLabels(double[] values) {
    double[] kept = new double[values.length == 0 ? 0 : labelled];
    int filled = 0;
    for (int number = 0; filled < kept.length; number++) {
      if (labels[number] != Target.UNLABELLED) {
        kept[filled++] = values[number];
      }
    }
    return kept;
  }

  private void add(QueryLogs.Answers block) {
    if (block.rows() == null) {
      isMalformed(block);
      return;
    }
    for (QueryBlock.Row row : block.rows()) {
      QueryBlock.Challenger scored = row.challenger();
      if (scored == null || !isOfPair(row, scored)) {
        continue;
      }
      if (target.isBinary()
          && !(isProbability(row.probability()) && isProbability(scored.probability()))) {
        isMalformed(block);
      } else if (keys.add(row.key()) != KeyNumbers.NONE) {
        put(keys.size() - 1, row, scored);
      }
    }
  }

  private void isMalformed(QueryLogs.Answers block) {
    malformed++;
    firstMalformed = firstMalformed == null ? block.id() : firstMalformed;
  }

  private boolean isOfPair(QueryBlock.Row row, QueryBlock.Challenger scored) {
    return row.modelId().equals(pair.championId())
        && scored.modelId().equals(pair.challengerId())
        && scored.mode().equals(SHADOW)
        && classes.containsKey(row.predicted())
        && classes.containsKey(scored.predicted());
  }

  private static boolean isProbability(@Nullable Double value) {
    return value != null && value >= 0 && value <= 1;
  }

  private void put(int number, QueryBlock.Row row, QueryBlock.Challenger scored) {
    if (number == labels.length) {
      grow();
    }
    champion[number] = classes.getOrDefault(row.predicted(), Target.UNLABELLED);
    challenger[number] = classes.getOrDefault(scored.predicted(), Target.UNLABELLED);
    labels[number] = Target.UNLABELLED;
    if (row.probability() != null && scored.probability() != null && target.isBinary()) {
      championProbabilities[number] = row.probability();
      challengerProbabilities[number] = scored.probability();
    }
  }

  private void grow() {
    int length = Math.max(QueryBlock.MOST_ROWS, labels.length + labels.length / 2);
    champion = Arrays.copyOf(champion, length);
    challenger = Arrays.copyOf(challenger, length);
    labels = Arrays.copyOf(labels, length);
    if (target.isBinary()) {
      championProbabilities = Arrays.copyOf(championProbabilities, length);
      challengerProbabilities = Arrays.copyOf(challengerProbabilities, length);
    }
  }
}
