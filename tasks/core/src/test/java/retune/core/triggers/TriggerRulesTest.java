package retune.core.triggers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.InvalidInputException;
import retune.core.triggers.TriggerFacts.Drift;
import retune.core.triggers.TriggerFacts.Quality;

class TriggerRulesTest {
  private static final String NOW = "2026-11-20T12:00:00Z"; // a Friday

  private static TriggerRules rules(Trigger... on) {
    return rules(OnDrift.EVALUATE, on);
  }

  private static TriggerRules rules(OnDrift onDrift, Trigger... on) {
    return new TriggerRules(Set.of(on), 100, 7, 30, 0.75, 100_000, onDrift);
  }

  private static TriggerFacts facts(String now, String lastTraining, long newSamples) {
    return facts(now, lastTraining, newSamples, null, null);
  }

  private static TriggerFacts facts(
      String now,
      String lastTraining,
      long newSamples,
      @Nullable Quality quality,
      @Nullable Drift drift) {
    return new TriggerFacts(
        Instant.parse(now), Instant.parse(lastTraining), newSamples, 0, quality, drift);
  }

  private static String cause(TriggerRules rules, TriggerFacts facts) {
    return rules.decide(facts, Request.NONE) instanceof Decision.Fire fire ? fire.cause() : "";
  }

  /** Triggers, now, last training, new rows: the cause, or empty where nothing fires. */
  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # the calendar: the first decision after the time fires, however late, and no other
          weekly,  2026-11-22T02:59:59Z, 2026-11-15T03:20:00Z, 9, ''
          weekly,  2026-11-22T03:00:00Z, 2026-11-15T03:20:00Z, 9, schedule_weekly
          weekly,  2026-11-24T17:00:00Z, 2026-11-15T03:20:00Z, 9, schedule_weekly
          weekly,  2026-11-22T09:00:00Z, 2026-11-22T03:20:00Z, 9, ''
          weekly,  2026-11-22T03:00:00Z, 2026-11-22T03:00:00Z, 9, ''
          monthly, 2026-12-01T01:59:59Z, 2026-11-01T02:10:00Z, 9, ''
          monthly, 2026-12-01T02:00:00Z, 2026-11-01T02:10:00Z, 9, schedule_monthly
          monthly, 2027-01-01T02:00:00Z, 2026-12-01T02:10:00Z, 9, schedule_monthly
          monthly, 2024-02-29T12:00:00Z, 2024-02-01T02:10:00Z, 9, ''
          # days on which clocks in Europe and America change: UTC does not
          weekly,  2026-03-29T02:59:59Z, 2026-03-22T03:20:00Z, 9, ''
          weekly,  2026-03-29T03:00:00Z, 2026-03-22T03:20:00Z, 9, schedule_weekly
          weekly,  2026-10-25T03:00:00Z, 2026-10-18T03:20:00Z, 9, schedule_weekly
          weekly,  2026-10-25T04:00:00Z, 2026-10-25T03:20:00Z, 9, ''
          weekly,  2026-11-01T03:00:00Z, 2026-10-25T03:20:00Z, 9, schedule_weekly
          # a clock that jumps back behind the last training, and a training months ago
          weekly,  2026-11-21T12:00:00Z, 2026-11-22T03:20:00Z, 9, ''
          age,     2020-01-01T00:00:00Z, 2026-11-22T03:20:00Z, 9, ''
          adaptive,2020-01-01T00:00:00Z, 2026-11-22T03:20:00Z, 9, ''
          weekly,  2026-11-20T12:00:00Z, 2026-02-01T00:00:00Z, 9, schedule_weekly
          # age, number of rows
          age,     2026-11-20T12:00:00Z, 2026-10-21T12:00:01Z, 9, ''
          age,     2026-11-20T12:00:00Z, 2026-10-21T12:00:00Z, 9, age
          adaptive,2026-11-20T12:00:00Z, 2026-11-20T00:00:00Z, 99, ''
          adaptive,2026-11-20T12:00:00Z, 2026-11-20T00:00:00Z, 100, adaptive
          adaptive,2026-11-20T12:00:00Z, 2026-11-13T12:00:01Z, 99, ''
          adaptive,2026-11-20T12:00:00Z, 2026-11-13T12:00:00Z, 1, adaptive
          volume,  2026-11-20T12:00:00Z, 2026-11-20T00:00:00Z, 100000, ''
          volume,  2026-11-20T12:00:00Z, 2026-11-20T00:00:00Z, 100001, volume
          # without new labelled rows there is nothing to learn
          weekly,  2026-11-24T17:00:00Z, 2026-11-15T03:20:00Z, 0, ''
          age,     2026-11-24T17:00:00Z, 2025-11-15T03:20:00Z, 0, ''
          adaptive,2026-11-24T17:00:00Z, 2026-11-01T03:20:00Z, 0, ''
          # the stronger reason is named where several fire, and no trigger fires that is not on
          age monthly adaptive, 2026-11-20T12:00:00Z, 2026-09-01T12:00:00Z, 500, adaptive
          age monthly,          2026-11-20T12:00:00Z, 2026-09-01T12:00:00Z, 500, schedule_monthly
          '',                   2026-11-20T12:00:00Z, 2026-01-01T12:00:00Z, 200000, ''
          """)
  void timesAndNumbers(
      String triggers, String now, String lastTraining, long newSamples, String cause) {
    Set<Trigger> on =
        Arrays.stream(triggers.split(" "))
            .filter(name -> !name.isEmpty())
            .map(name -> Trigger.valueOf(name.toUpperCase(java.util.Locale.ROOT)))
            .collect(Collectors.toSet());
    assertEquals(
        cause, cause(rules(on.toArray(Trigger[]::new)), facts(now, lastTraining, newSamples)));
  }

  /** With the adaptive trigger, its limits of 100 rows and 7 days; otherwise 50 and 30. */
  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          false, 25, 2026-11-05T12:00:00Z, Not yet - need 25 more samples or 15 more days
          false, 50, 2026-11-05T12:00:00Z, Recommended - 50+ new samples available
          false, 60, 2026-10-21T12:00:00Z, Overdue - data is 30+ days old
          true,  75, 2026-11-18T12:00:00Z, Not yet - need 25 more samples or 5 more days
          true, 100, 2026-11-18T12:00:00Z, Recommended - 100+ new samples available
          true,   1, 2026-11-13T12:00:00Z, Overdue - data is 7+ days old
          """)
  void theRecommendationIsInThePublishedWords(
      boolean adaptive, long newSamples, String lastTraining, String words) {
    TriggerRules rules = adaptive ? rules(Trigger.ADAPTIVE) : rules();
    assertEquals(
        words, rules.decide(facts(NOW, lastTraining, newSamples), Request.NONE).recommendation());
  }

  @Test
  void notYetSaysWhatIsMissing() {
    Decision decision =
        rules(Trigger.HARM, Trigger.ADAPTIVE, Trigger.WEEKLY, Trigger.LOW_AUC, Trigger.VOLUME)
            .decide(facts(NOW, "2026-11-18T12:00:00Z", 75), Request.MANUAL);
    Decision.NotYet notYet = assertInstanceOf(Decision.NotYet.class, decision);
    assertEquals(25, notYet.missingSamples());
    assertEquals(5, notYet.missingDays());
    assertEquals(
        "Not yet - need 25 more samples or 5 more days. No trigger fires; harm: the model in"
            + " production has not been evaluated; low_auc: the ROC AUC is not known; adaptive: 75"
            + " of 100 samples, 2 of 7 days; weekly: next at 2026-11-22T03:00:00Z; volume: 75 of"
            + " more than 100,000 samples.",
        notYet.reason());
  }

  @Test
  void harmFiresWhereTheEvidenceProvesItAndSaysSo() {
    Quality harmful = new Quality(true, "The F1 is below the gate, surely.", 0.8);
    Quality healthy = new Quality(false, "The F1 reaches the gate.", 0.8);
    TriggerRules rules = rules(Trigger.HARM);
    Decision fire =
        rules.decide(facts(NOW, "2026-11-19T12:00:00Z", 8, harmful, null), Request.NONE);
    assertEquals("harm", assertInstanceOf(Decision.Fire.class, fire).cause());
    assertEquals(
        "The F1 is below the gate, surely. 8 new labelled rows since the last training, 1 day"
            + " ago.",
        fire.reason());
    assertEquals("", cause(rules, facts(NOW, "2026-11-19T12:00:00Z", 8, healthy, null)));
    assertEquals("", cause(rules(), facts(NOW, "2026-11-19T12:00:00Z", 8, harmful, null)));
  }

  @Test
  void aStateThatLastsWaitsUntilNewRowsCanJudge() {
    Quality harmful = new Quality(true, "The F1 is below the gate, surely.", 0.7);
    TriggerRules rules =
        rules(OnDrift.RETRAIN, Trigger.HARM, Trigger.LOW_AUC, Trigger.DRIFT, Trigger.ADAPTIVE);
    Instant now = Instant.parse(NOW);
    Drift drift = new Drift("r1", true);
    Decision decision =
        rules.decide(new TriggerFacts(now, now, 99, 334, harmful, drift), Request.NONE);
    assertTrue(
        decision
            .reason()
            .endsWith("After the last retraining, a comparison needs 334 more labelled rows."),
        decision.reason());
    assertInstanceOf(Decision.NotYet.class, decision);
    assertEquals("harm", cause(rules, new TriggerFacts(now, now, 99, 0, harmful, drift)));
    assertEquals("adaptive", cause(rules, new TriggerFacts(now, now, 100, 334, harmful, drift)));
  }

  @Test
  void aRocAucBelowTheLimitFires() {
    TriggerRules rules = rules(Trigger.LOW_AUC);
    for (Double auc : new Double[] {0.7499, 0.75, null}) {
      Quality quality = new Quality(false, "", auc);
      assertEquals(
          auc != null && auc < 0.75 ? "low_auc" : "",
          cause(rules, facts(NOW, "2026-11-19T12:00:00Z", 8, quality, null)));
    }
  }

  @Test
  void driftRetrainsOnlyWhereTheLoopSaysSoAndAdvisesOtherwise() {
    TriggerFacts drifted = facts(NOW, "2026-11-19T12:00:00Z", 8, null, new Drift("r1", true));
    assertEquals("drift", cause(rules(OnDrift.RETRAIN, Trigger.DRIFT), drifted));
    assertNull(rules().decide(drifted, Request.NONE).advice());
    Decision evaluate = rules(Trigger.DRIFT).decide(drifted, Request.NONE);
    assertInstanceOf(Decision.NotYet.class, evaluate);
    assertEquals(
        "The drift report r1 alarms: evaluate the model on labelled rows; drift alone says nothing"
            + " about its quality.",
        evaluate.advice());
    assertTrue(evaluate.reason().contains("drift: alarms, but on_drift is evaluate"));
    assertTrue(
        String.valueOf(
                rules(OnDrift.REQUEST_LABELS, Trigger.DRIFT).decide(drifted, Request.NONE).advice())
            .contains("bring labels"));
    TriggerFacts quiet = facts(NOW, "2026-11-19T12:00:00Z", 8, null, new Drift("r2", false));
    assertEquals("", cause(rules(OnDrift.RETRAIN, Trigger.DRIFT), quiet));
  }

  @Test
  void aRequestFiresWithoutATriggerAndForceWithoutRows() {
    TriggerFacts few = facts(NOW, "2026-11-19T12:00:00Z", 1);
    TriggerFacts none = facts(NOW, "2026-11-19T12:00:00Z", 0);
    assertEquals("api_triggered", fired(rules().decide(few, Request.API)));
    assertEquals("", fired(rules().decide(none, Request.API)));
    assertEquals("", fired(rules().decide(few, Request.MANUAL)));
    assertEquals("forced", fired(rules().decide(none, Request.FORCED)));
  }

  private static String fired(Decision decision) {
    return decision instanceof Decision.Fire fire ? fire.cause() : "";
  }

  @Test
  void rulesAndFactsOutOfRangeAreRefused() {
    assertThrows(
        InvalidInputException.class,
        () -> new TriggerRules(Set.of(), 0, 7, 30, 0.75, 1, OnDrift.EVALUATE));
    assertThrows(
        InvalidInputException.class,
        () -> new TriggerRules(Set.of(), 1, 7, 30, 1.5, 1, OnDrift.EVALUATE));
    assertThrows(IllegalArgumentException.class, () -> facts(NOW, NOW, -1));
  }
}
