package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import retune.core.judgement.Retention.OnConflict;
import retune.core.metrics.Metric;

class RulesTest {
  @Test
  void theLevelIsSharedByAllVerdictsOfOneHoldOut() {
    assertEquals(0.05 / 3, rules(Selection.FIRST_PASSING).alphaOfAttempt(false), 1e-15);
    assertEquals(0.05, rules(Selection.BEST_ON_VALIDATION).alphaOfAttempt(false), 1e-15);
  }

  @Test
  void anAlternativeHalvesTheLevelWhereItMayBeJudged() {
    assertEquals(0.05, rules(OnConflict.PROMOTE).alphaOfAttempt(true), 1e-15);
    assertEquals(0.025, rules(OnConflict.HOLD).alphaOfAttempt(true), 1e-15);
    assertEquals(0.025, rules(OnConflict.ASK).alphaOfAttempt(true), 1e-15);
    assertEquals(0.05, rules(OnConflict.HOLD).alphaOfAttempt(false), 1e-15);
  }

  @ParameterizedTest
  @EnumSource
  void anyAttemptMayPassBelowTheGateButNoEarlierVersion(BelowGate belowGate) {
    for (Selection selection : Selection.values()) {
      Rules rules = rules(selection, belowGate);
      assertEquals(BelowGate.ALERT, rules.belowGateOf(0, false));
      assertEquals(belowGate, rules.belowGateOf(1, false));
      assertEquals(belowGate, rules.belowGateOf(3, false));
    }
  }

  @ParameterizedTest
  @EnumSource
  void aProvedChallengerIsTreatedAsAnAttemptIs(BelowGate belowGate) {
    assertEquals(belowGate, rules(Selection.FIRST_PASSING, belowGate).belowGateOf(0, true));
    assertEquals(belowGate, rules(Selection.BEST_ON_VALIDATION, belowGate).belowGateOf(0, true));
  }

  private static Rules rules(Selection selection) {
    return rules(selection, BelowGate.PROMOTE_IF_SUPERIOR);
  }

  private static Rules rules(OnConflict onConflict) {
    return rules(Selection.BEST_ON_VALIDATION, BelowGate.ALERT, onConflict);
  }

  private static Rules rules(Selection selection, BelowGate belowGate) {
    return rules(selection, belowGate, OnConflict.PROMOTE);
  }

  private static Rules rules(Selection selection, BelowGate belowGate, OnConflict onConflict) {
    return new Rules(
        new Gate(Metric.F1_MACRO, 0.66),
        3,
        selection,
        Evidence.INTERVAL,
        PromotionPolicy.FLOOR,
        new Retention(0.05, onConflict),
        belowGate);
  }
}
