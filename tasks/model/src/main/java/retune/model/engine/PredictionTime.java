package retune.model.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import retune.core.data.Features;
import retune.core.judgement.PolicyInput.Latency;

/**
 * Measures how long two versions take for a prediction of one row, as a prediction service does it.
 * They take turns, so that other load on the machine affects both, after a warm-up in which the
 * just-in-time compiler sees both. The medians are not sensitive to single delays.
 */
public final class PredictionTime {
  /** Rows that are enough; with fewer, rows are predicted again. */
  public static final int ROWS = 200;

  private static final int WARM_UP_TURNS = 300;
  private static final int TURNS = 200;
  private static final double NANOSECONDS = 1e9;

  private PredictionTime() {}

  /**
   * Measures both.
   *
   * @param candidateRows features of the candidate, at least one row
   * @param championRows features of the champion for the same rows
   */
  public static Latency measure(
      Predictor candidate, Features candidateRows, Predictor champion, Features championRows) {
    List<Features> first = single(candidateRows);
    List<Features> second = single(championRows);
    double[] candidateTimes = new double[TURNS];
    double[] championTimes = new double[TURNS];
    for (int turn = -WARM_UP_TURNS; turn < TURNS; turn++) {
      int row = Math.floorMod(turn, first.size());
      double ofCandidate = seconds(candidate, first.get(row));
      double ofChampion = seconds(champion, second.get(row));
      if (turn >= 0) {
        candidateTimes[turn] = ofCandidate;
        championTimes[turn] = ofChampion;
      }
    }
    return new Latency(median(candidateTimes), median(championTimes), TURNS);
  }

  private static List<Features> single(Features features) {
    List<Features> rows = new ArrayList<>();
    for (int row = 0; row < Math.min(ROWS, features.rows()); row++) {
      rows.add(features.select(new int[] {row}));
    }
    return rows;
  }

  private static double seconds(Predictor predictor, Features row) {
    long start = System.nanoTime();
    predictor.predict(row);
    return (System.nanoTime() - start) / NANOSECONDS;
  }

  private static double median(double[] times) {
    Arrays.sort(times);
    return (times[(times.length - 1) / 2] + times[times.length / 2]) / 2;
  }
}
