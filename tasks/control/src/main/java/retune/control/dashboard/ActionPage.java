package retune.control.dashboard;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.control.dashboard.Layout.Crumb;
import retune.judgement.ApprovalAnswer;
import retune.judgement.ApprovalRequest;
import retune.model.ChallengerTraffic;
import retune.model.Champions;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.runtime.StepContext;
import retune.runtime.http.Refusal;

/** The page that says what a button does before it is pressed. */
public final class ActionPage {
  /** Shares that a page offers, by the number. */
  private static final Map<String, String> SHARES =
      new TreeMap<>(
          Map.of(
              "0", "none: it scores each request after its answer (shadow)",
              "0.01", "1 %",
              "0.05", "5 %",
              "0.1", "10 %",
              "0.25", "25 %",
              "0.5", "50 %"));

  private final StepContext context;
  private final Reading reading;
  private final Champion champion;
  private final Instant now;

  /**
   * What a button does.
   *
   * @param about what the page is about
   * @param happens what follows, a sentence each
   * @param obstacle why it cannot be pressed, as a sentence; null where it can
   * @param fields that the form sends
   */
  private record Effect(
      Markup about, List<Markup> happens, @Nullable String obstacle, Map<String, String> fields) {}

  private ActionPage(StepContext context, String model, Instant now) {
    this.context = context;
    this.reading = new Reading(context.store());
    this.champion = new Champions(context.store()).get(model);
    this.now = now;
  }

  /**
   * The page of a button.
   *
   * @param model one that is in production
   * @param subject the version, the question or the alert; empty for none
   * @throws Refusal 404 if there is no such version, question or alert
   */
  public static String of(
      StepContext context,
      Button button,
      String model,
      Optional<String> subject,
      Viewer viewer,
      Instant now) {
    ActionPage page = new ActionPage(context, model, now);
    Effect effect =
        switch (button) {
          case RETRAIN -> page.retrain();
          case ROLL_BACK -> page.rollBack(subject);
          case DEPLOY -> page.deploy(required(subject, "version"));
          case APPROVE, REJECT -> page.answer(button, required(subject, "question"));
          case PAUSE -> page.pause();
          case RESUME -> page.resume();
          case ACKNOWLEDGE -> page.acknowledge(required(subject, "alert"));
          case TRY -> page.tryOnTraffic(required(subject, "version"));
          case PROMOTE -> page.promote(required(subject, "version"));
          case ABORT -> page.abort(required(subject, "version"));
        };
    return Layout.page(
        button.label() + ": " + model,
        List.of(new Crumb(Paths.model(model), model)),
        Markup.join(
            effect.about,
            effect.obstacle == null
                ? form(button, model, effect, viewer)
                : Markup.of("<p class=\"warn\" role=\"alert\">{}</p>\n", effect.obstacle),
            Markup.of("<p>{}</p>\n", Markup.link(Paths.model(model), "Back, and change nothing"))),
        viewer,
        now);
  }

  private static String required(Optional<String> subject, String what) {
    return subject.orElseThrow(
        () ->
            new Refusal(
                400,
                "The address does not say which %s; open this page by its link.".formatted(what)));
  }

  private static Markup form(Button button, String model, Effect effect, Viewer viewer) {
    return Markup.of(
        """
        <h2>What happens</h2>
        <ul>{}</ul>
        <form class="act" method="post" action="{}">{}{}
        {}{}<p><button type="submit">{}</button></p>
        </form>
        """,
        effect.happens.stream()
            .map(sentence -> Markup.of("<li>{}</li>\n", sentence))
            .collect(Markup.joining()),
        Paths.action(model, button),
        viewer.formField(),
        effect.fields.entrySet().stream()
            .map(field -> Markup.hidden(field.getKey(), field.getValue()))
            .collect(Markup.joining()),
        choice(button),
        button.asksReason()
            ? Markup.of(
                """
                <p><label for="reason">Why, for the record</label>
                <textarea id="reason" name="{}" rows="3" required maxlength="2000"></textarea></p>
                """,
                Button.REASON)
            : Markup.NONE,
        button.label());
  }

  /** What a person chooses beside the reason. */
  private static Markup choice(Button button) {
    return switch (button) {
      case RETRAIN ->
          Markup.of(
              "<p><label><input type=\"checkbox\" name=\"{}\" value=\"true\"> Also where there are"
                  + " no new rows with labels</label></p>\n",
              Button.FORCE);
      case TRY ->
          Markup.of(
              """
              <p><label for="fraction">Requests that it answers</label>
              <select id="fraction" name="{}">{}</select></p>
              """,
              Button.FRACTION,
              SHARES.entrySet().stream()
                  .map(
                      share ->
                          Markup.of(
                              "<option value=\"{}\">{}</option>", share.getKey(), share.getValue()))
                  .collect(Markup.joining()));
      default -> Markup.NONE;
    };
  }

  private Effect retrain() {
    Markup about =
        reading
            .lastTrigger(champion.model())
            .map(
                trigger ->
                    Markup.of(
                        "<p>The last check of the triggers, {}: {}</p>\n",
                        Words.time(trigger.getString("timestamp")),
                        trigger.getString("reason")))
            .orElse(Markup.NONE);
    return new Effect(
        about,
        List.of(
            Markup.text(
                "A retraining starts, if there are new rows with labels and no other one runs."),
            Markup.of(
                "Its best candidate is compared with {} on rows that it was not trained on.",
                version(champion.modelId())),
            Markup.of(
                "A candidate that passes goes into production; otherwise {} stays.",
                champion.modelId())),
        null,
        Map.of());
  }

  private Effect rollBack(Optional<String> asked) {
    Optional<String> target = asked.or(() -> Optional.ofNullable(champion.previousModelId()));
    if (target.isEmpty()) {
      return obstacle(
          "%s is the first version of %s; there is none to go back to."
              .formatted(champion.modelId(), champion.model()));
    }
    String id = target.get();
    Document version = document(id);
    String status = version.getString("status");
    Optional<Bar> bar = champion.bar(id);
    String obstacle =
        id.equals(champion.modelId())
            ? "%s is the version in production already.".formatted(id)
            : bar.isPresent()
                ? bar.get().sentence()
                : List.of("approved", "deployed", "retired").contains(status)
                    ? null
                    : "%s is %s; only a version that was approved once comes back into production."
                        .formatted(id, status);
    Map<String, String> fields = new LinkedHashMap<>();
    fields.put(Button.SUBJECT, id);
    fields.put(Button.CHAMPION, champion.modelId());
    return new Effect(
        Markup.of(
            "<p>From {}, which is in production, to {}.</p>\n",
            version(champion.modelId()),
            version(id)),
        List.of(
            Markup.text(
                "The version is checked first: its weights, and its answers to known rows. If a"
                    + " check fails, nothing changes."),
            Markup.of(
                "{} goes into production. Prediction services answer with it within seconds, and"
                    + " fail no request.",
                id),
            Markup.of(
                "{} is barred: no evaluation brings it back until somebody releases it.",
                champion.modelId()),
            Markup.text("People are told through the channels that are set up.")),
        obstacle,
        fields);
  }

  private Effect deploy(String id) {
    Document version = document(id);
    String status = version.getString("status");
    Optional<Bar> bar = champion.bar(id);
    return new Effect(
        Markup.of(
            "<p>{} follows {}, which is in production.</p>\n",
            version(id),
            version(champion.modelId())),
        List.of(
            Markup.text(
                "The deployment of the day, the retraining or the promotion that approved it runs,"
                    + " which checks the version first. You see the result when it is done."),
            Markup.of(
                "{} goes into production. Prediction services answer with it within seconds.", id),
            Markup.text("If it fails where it is used, the version before comes back by itself.")),
        bar.map(Bar::sentence)
            .orElse(
                status.equals("approved")
                    ? null
                    : "%s is %s; only an approved version is deployed.".formatted(id, status)),
        Map.of(Button.SUBJECT, id));
  }

  private Effect answer(Button button, String id) {
    ApprovalRequest question =
        ApprovalRequest.find(context.store(), id)
            .filter(found -> found.model().equals(champion.model()))
            .orElseThrow(
                () ->
                    new Refusal(
                        404,
                        "There is no question '%s' about %s.".formatted(id, champion.model())));
    String obstacle =
        ApprovalAnswer.find(context.store(), question)
            .map(
                answer ->
                    "The question is answered: %s The answer of %s counts."
                        .formatted(answer.sentence(), answer.at()))
            .or(() -> question.closed(context, champion))
            .or(() -> question.expired(now))
            .orElse(null);
    boolean hasReport = reading.comparisons(List.of(question.verdictId())).size() == 1;
    return new Effect(
        Markup.of(
            "<p>{}</p>\n<p>{} beside {}. {}</p>\n",
            question.question(),
            version(question.modelId()),
            version(question.championId()),
            hasReport
                ? Markup.link(Paths.comparison(question.verdictId()), "Report of the comparison")
                : Markup.NONE),
        button == Button.APPROVE
            ? List.of(
                Markup.of("{} is approved, as if it had passed.", question.modelId()),
                Markup.of(
                    "Its deployment starts, and it goes into production in place of {}.",
                    question.championId()),
                Markup.text("The answer is kept with your name, and is never changed."))
            : List.of(
                Markup.of("{} is rejected.", question.modelId()),
                Markup.of("{} stays in production.", question.championId()),
                Markup.text("The answer is kept with your name, and is never changed.")),
        obstacle,
        Map.of(Button.SUBJECT, id));
  }

  private Effect pause() {
    return new Effect(
        Markup.NONE,
        List.of(
            Markup.text(
                "No run starts by the schedule any more: no new day is read and judged, no"
                    + " retraining starts, and no challenger is weighed, until somebody resumes"
                    + " it."),
            Markup.text("Runs in flight go on to their end."),
            Markup.of("{} stays in production and answers as before.", champion.modelId())),
        null,
        Map.of());
  }

  private Effect resume() {
    return new Effect(
        Markup.NONE,
        List.of(
            Markup.text(
                "Runs start by the schedule again. At most the last missed time is made up for; run"
                    + " earlier days by hand."),
            Markup.text(
                "In Airflow, challenger_pipeline stays paused; unpause it there if it ran"
                    + " before.")),
        null,
        Map.of());
  }

  private Effect acknowledge(String id) {
    Document alert =
        reading
            .alert(champion.model(), id)
            .orElseThrow(
                () ->
                    new Refusal(
                        404, "There is no alert '%s' of %s.".formatted(id, champion.model())));
    return new Effect(
        Markup.of(
            "<p>{}: {}</p>\n",
            Words.time(alert.getString("timestamp")),
            alert.getString("message")),
        List.of(
            Markup.text("The alert no longer needs a person, on these pages."),
            Markup.text("Your name and your reason are kept with it, and are never changed."),
            Markup.text("No version, no day and no run changes.")),
        reading
            .acknowledgement(id)
            .map(
                first ->
                    "%s acknowledged this alert at %s (%s)."
                        .formatted(
                            first.getString("by"),
                            first.getString("timestamp"),
                            first.getString("reason")))
            .orElse(null),
        Map.of(Button.SUBJECT, id));
  }

  private Effect tryOnTraffic(String id) {
    document(id);
    ChallengerTraffic traffic = champion.challenger();
    String obstacle =
        id.equals(champion.modelId())
            ? "%s is the version in production already.".formatted(id)
            : champion
                .bar(id)
                .map(Bar::sentence)
                .orElse(
                    traffic == null || traffic.modelId().equals(id)
                        ? null
                        : "%s has the traffic of %s; end that first."
                            .formatted(traffic.modelId(), champion.model()));
    return new Effect(
        Markup.of(
            "<p>{} beside {}, which is in production.</p>\n",
            version(id),
            version(champion.modelId())),
        List.of(
            Markup.text(
                "The version is checked first: it must give its known answers, and answer the same"
                    + " classes from the same columns."),
            Markup.of(
                "It scores the requests that {} answers, and answers itself the share that you"
                    + " choose.",
                champion.modelId()),
            Markup.of(
                "{} stays in production until somebody promotes another.", champion.modelId())),
        obstacle,
        Map.of(Button.SUBJECT, id));
  }

  private Effect promote(String id) {
    return new Effect(
        traffic(id),
        List.of(
            Markup.of("{} is approved, and its deployment starts, with all its checks.", id),
            Markup.of(
                "It goes into production in place of {}, and its traffic as a challenger ends"
                    + " then.",
                champion.modelId())),
        withoutTraffic(id),
        Map.of(Button.SUBJECT, id));
  }

  private Effect abort(String id) {
    return new Effect(
        traffic(id),
        List.of(
            Markup.of(
                "{} gets no requests any more; {} answers all of them.", id, champion.modelId()),
            Markup.text("It keeps its status, and can be tried again.")),
        withoutTraffic(id),
        Map.of(Button.SUBJECT, id));
  }

  private Markup traffic(String id) {
    ChallengerTraffic traffic = champion.challenger();
    return traffic == null
        ? Markup.NONE
        : Markup.of(
            "<p>{} {} since {}, beside {}.</p>\n",
            version(id),
            traffic.share(),
            Words.time(traffic.startedAt()),
            version(champion.modelId()));
  }

  private @Nullable String withoutTraffic(String id) {
    ChallengerTraffic traffic = champion.challenger();
    return traffic != null && traffic.modelId().equals(id)
        ? null
        : "%s has no traffic.".formatted(id);
  }

  private static Effect obstacle(String sentence) {
    return new Effect(Markup.NONE, List.of(), sentence, Map.of());
  }

  private Document document(String id) {
    return reading
        .version(id)
        .filter(version -> champion.model().equals(version.getString("model_name")))
        .orElseThrow(
            () ->
                new Refusal(
                    404, "There is no version '%s' of '%s'.".formatted(id, champion.model())));
  }

  private Markup version(String id) {
    return Markup.link(Paths.version(champion.model(), id), id);
  }
}
