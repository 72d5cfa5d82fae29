package retune.control.dashboard;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Statuses, times and triggers as people read them. */
final class Words {
  private static final DateTimeFormatter MINUTE =
      DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm 'UTC'", Locale.ROOT).withZone(ZoneOffset.UTC);

  /** How good the news is; the page says so by a word and a sign, not by colour alone. */
  enum Tone {
    GOOD("✓"),
    OPEN("…"),
    BAD("!");

    private final String sign;

    Tone(String sign) {
      this.sign = sign;
    }

    Markup badge(String words) {
      return Markup.of(
          "<span class=\"badge {}\"><span aria-hidden=\"true\">{}</span> {}</span>",
          name().toLowerCase(Locale.ROOT),
          sign,
          words);
    }
  }

  private Words() {}

  /** How a day ended. */
  static Markup outcome(String status) {
    return switch (status) {
      case "approved" -> Tone.GOOD.badge("passed");
      case "undecided" -> Tone.OPEN.badge("below the gate, undecided");
      case "looked_back" -> Tone.GOOD.badge("an earlier version took over");
      case "challenger_promoted" -> Tone.GOOD.badge("a challenger took over");
      case "retrained" -> Tone.GOOD.badge("a retrained version took over");
      case "asked" -> Tone.OPEN.badge("waits for a person");
      case "held_back" -> Tone.OPEN.badge("held back");
      case "failed_max_retries" -> Tone.BAD.badge("no version passed");
      default -> Tone.OPEN.badge(status);
    };
  }

  /** The status of a version or of a retraining. */
  static Markup status(String status) {
    return switch (status) {
      case "deployed", "approved" -> Tone.GOOD.badge(status);
      case "rejected", "failed" -> Tone.BAD.badge(status);
      default -> Tone.OPEN.badge(status);
    };
  }

  /** Whether an answer of a check, or a verdict, is a pass. */
  static Markup answer(String answer) {
    return switch (answer) {
      case "passed", "approved" -> Tone.GOOD.badge(answer);
      case "failed", "rejected", "needs_retraining" -> Tone.BAD.badge(answer.replace('_', ' '));
      default -> Tone.OPEN.badge(answer.replace('_', ' '));
    };
  }

  /** A time to the minute. */
  static Markup time(Instant time) {
    return Markup.of("<time datetime=\"{}\">{}</time>", time, MINUTE.format(time));
  }

  /** A time as documents have it; a dash for none. */
  static Markup time(@Nullable String time) {
    return time == null ? Markup.text("–") : time(Instant.parse(time));
  }

  /** A name of documents as words: {@code schedule_weekly} is schedule weekly. */
  static String plain(String name) {
    return name.replace('_', ' ');
  }
}
