package retune.core.calibration;

import java.util.Optional;
import retune.core.calibration.Calibrator.Platt;

/** Platt's line, by Newton's method (Lin, Lin &amp; Weng, 2007). */
final class PlattFit {
  private static final int MOST_STEPS = 100;
  private static final double PRECISION = 1e-10;
  private static final double SMALLEST_SHARE = 1e-6;

  /** Added to the diagonal, so that the step exists where all log-odds are equal. */
  private static final double RIDGE = 1e-12;

  private PlattFit() {}

  /** Empty if no rising line is best, or none was found. */
  static Optional<Calibrator> of(BinaryRows rows) {
    double slope = 0;
    double intercept = LogOdds.of(rows.meanTarget());
    double loss = loss(rows, slope, intercept);
    for (int step = 0; step < MOST_STEPS; step++) {
      double bySlope = 0;
      double byIntercept = 0;
      double slopes = RIDGE;
      double intercepts = RIDGE;
      double both = 0;
      for (int i = 0; i < rows.size(); i++) {
        double x = rows.logOdds(i);
        double p = LogOdds.probability(slope * x + intercept);
        double weight = p * (1 - p);
        bySlope += (p - rows.target(i)) * x;
        byIntercept += p - rows.target(i);
        slopes += weight * x * x;
        intercepts += weight;
        both += weight * x;
      }
      double determinant = slopes * intercepts - both * both;
      double slopeStep = (intercepts * bySlope - both * byIntercept) / determinant;
      double interceptStep = (slopes * byIntercept - both * bySlope) / determinant;
      double gain = bySlope * slopeStep + byIntercept * interceptStep;
      if (!(gain > PRECISION * loss)) {
        // so near to the end, a whole step squares the distance; its gain is lost in rounding
        slope -= slopeStep;
        intercept -= interceptStep;
        break;
      }
      double share = 1;
      double next = loss(rows, slope - slopeStep, intercept - interceptStep);
      while (!(next < loss) && share > SMALLEST_SHARE) {
        share /= 2;
        next = loss(rows, slope - share * slopeStep, intercept - share * interceptStep);
      }
      slope -= share * slopeStep;
      intercept -= share * interceptStep;
      loss = next;
    }
    return slope > 0 && Double.isFinite(slope) && Double.isFinite(intercept)
        ? Optional.of(new Platt(slope, intercept))
        : Optional.empty();
  }

  private static double loss(BinaryRows rows, double slope, double intercept) {
    double loss = 0;
    for (int i = 0; i < rows.size(); i++) {
      double z = slope * rows.logOdds(i) + intercept;
      // −t ln p − (1 − t) ln(1 − p), without overflow
      loss += Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - rows.target(i) * z;
    }
    return loss;
  }
}
