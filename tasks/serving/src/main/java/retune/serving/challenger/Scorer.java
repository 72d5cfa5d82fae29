package retune.serving.challenger;

import java.util.List;
import retune.core.data.Table;
import retune.runtime.http.Refusal;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.Prediction;

/** Predicts all rows or none, as {@link LoadedVersion#answer} does. */
public interface Scorer {
  LoadedVersion.Answers answer(Table rows);

  /** A call that brought no usable answer. */
  final class Failure extends Exception {
    private static final long serialVersionUID = 1;
    private final Failures.Kind kind;

    Failure(Failures.Kind kind, String what) {
      super(what, null, false, false);
      this.kind = kind;
    }

    Failures.Kind kind() {
      return kind;
    }

    String what() {
      return String.valueOf(getMessage());
    }
  }

  /**
   * Scores rows; whatever goes wrong is a failure, errors included.
   *
   * @throws Failure if there is no usable answer
   */
  default LoadedVersion.Answers score(Table rows) throws Failure {
    LoadedVersion.Answers answers;
    try {
      answers = answer(rows);
    } catch (Refusal refusal) {
      throw new Failure(Failures.Kind.REFUSED, refusal.sentence());
    } catch (RuntimeException | Error e) {
      throw new Failure(Failures.Kind.ERROR, e.toString());
    }
    requireFinite(answers.predictions());
    return answers;
  }

  private static void requireFinite(List<Prediction> predictions) throws Failure {
    for (Prediction prediction : predictions) {
      for (double probability : prediction.probabilities()) {
        if (!Double.isFinite(probability)) {
          throw new Failure(Failures.Kind.NOT_FINITE, "a probability is " + probability);
        }
      }
    }
  }
}
