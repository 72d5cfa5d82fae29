package retune.learning.training;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.calibration.CalibrationFit;
import retune.core.metrics.Predictions;
import retune.model.Architecture;
import retune.model.ModelVersion.Epoch;
import retune.model.ModelVersion.Golden;
import retune.model.Weights;

/** The end of a {@link CandidateTraining}. */
public sealed interface Trained {
  /**
   * A model that is not a version yet.
   *
   * @param epochs epochs trained, or rounds of boosting; 0 where nothing is trained
   * @param learningRate step size
   * @param trainedShare share of the model's parameters that were trained, 0 … 1
   * @param bestEpoch the epoch or round whose weights were kept, from 1; 0 where nothing is trained
   * @param answers its uncalibrated predictions on the validation rows, with its decision threshold
   * @param calibration null to fit one on the validation rows
   * @param history one entry per epoch, in order
   * @param golden rows with the logits of the library that trained it
   * @param replayed content hashes of the earlier batches some of whose rows trained it, too; null
   *     if there are none
   * @param settings further numbers of its lineage, by name
   * @param alternative a second model that ordinary rows have trained, too, where this one is
   *     surely better on the validation rows; null if there is none
   */
  record Candidate(
      Architecture architecture,
      Weights weights,
      int epochs,
      double learningRate,
      double trainedShare,
      int bestEpoch,
      Predictions answers,
      @Nullable CalibrationFit calibration,
      List<Epoch> history,
      @Nullable Golden golden,
      @Nullable List<String> replayed,
      Map<String, Double> settings,
      @Nullable Candidate alternative)
      implements Trained {
    /** The same with a second model. */
    public Candidate withAlternative(Candidate other) {
      return with(settings, other);
    }

    /** The same with one more number in its lineage, and in that of its alternative. */
    public Candidate withSetting(String name, double value) {
      Map<String, Double> more = new HashMap<>(settings);
      more.put(name, value);
      return with(more, alternative == null ? null : alternative.withSetting(name, value));
    }

    private Candidate with(Map<String, Double> otherSettings, @Nullable Candidate other) {
      return new Candidate(
          architecture,
          weights,
          epochs,
          learningRate,
          trainedShare,
          bestEpoch,
          answers,
          calibration,
          history,
          golden,
          replayed,
          otherSettings,
          other);
    }

    /** The same, calibrated on the validation rows unless it is calibrated already. */
    public CalibrationFit calibrated() {
      return calibration == null ? CalibrationFit.of(answers) : calibration;
    }
  }

  /**
   * Nothing was found that could be better than the champion.
   *
   * @param reason a sentence for people
   */
  record Nothing(String reason) implements Trained {}
}
