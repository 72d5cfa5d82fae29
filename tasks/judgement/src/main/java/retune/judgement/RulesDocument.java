package retune.judgement;

import org.bson.Document;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Evidence;
import retune.core.judgement.Gate;
import retune.core.judgement.PromotionPolicy;
import retune.core.judgement.Retention;
import retune.core.judgement.Retention.OnConflict;
import retune.core.judgement.Rules;
import retune.core.judgement.Selection;
import retune.core.metrics.Metric;

/** What a loop asks of its models, in the fields of a document. */
public final class RulesDocument {
  private static final String SELECTION = "selection";
  private static final String EVIDENCE = "evidence";
  private static final String POLICY = "policy";
  private static final String RETENTION_LIMIT = "retention_limit";
  private static final String ON_CONFLICT = "on_conflict";
  private static final String BELOW_GATE = "below_gate";

  private RulesDocument() {}

  /** The gate alone where the rest is published, so that keys of earlier versions hold. */
  public static Document of(Rules rules) {
    Document document =
        new Document("metric", rules.gate().metric().id())
            .append("threshold", rules.gate().threshold())
            .append("max_attempts", rules.maxAttempts());
    Rules published = Rules.published(rules.gate(), rules.maxAttempts());
    return rules.equals(published)
        ? document
        : document
            .append(SELECTION, rules.selection().id())
            .append(EVIDENCE, rules.evidence().id())
            .append(POLICY, rules.policy().text())
            .append(RETENTION_LIMIT, rules.retention().limit())
            .append(ON_CONFLICT, rules.retention().onConflict().id())
            .append(BELOW_GATE, rules.belowGate().id());
  }

  /** The rules that {@link #of} describes. */
  public static Rules rules(Document document) {
    Gate gate =
        new Gate(Metric.ofId(document.getString("metric")), document.getDouble("threshold"));
    int maxAttempts = document.getInteger("max_attempts");
    return document.containsKey(SELECTION)
        ? new Rules(
            gate,
            maxAttempts,
            Selection.ofId(document.getString(SELECTION)),
            Evidence.ofId(document.getString(EVIDENCE)),
            PromotionPolicy.parse(document.getString(POLICY)),
            new Retention(
                document.getDouble(RETENTION_LIMIT),
                OnConflict.ofId(document.getString(ON_CONFLICT))),
            BelowGate.ofId(document.getString(BELOW_GATE)))
        : Rules.published(gate, maxAttempts);
  }
}
