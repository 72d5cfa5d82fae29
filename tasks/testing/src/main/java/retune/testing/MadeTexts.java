package retune.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Short questions to a bank with their intents, made for tests: columns {@code text, intent}. */
public final class MadeTexts {
  /** What is wrong with a day's texts. */
  public enum Fault {
    NONE,
    /** Every second word has two letters swapped. */
    TYPOS,
    /** Three of four texts are about rates and do not say so. */
    VAGUE,
    /** Every third text is about loans, which no intent is about, and has no label. */
    NEW_INTENT,
    /** Texts about cards carry the label of transfers, and the other way round. */
    SWAPPED_LABELS
  }

  private static final List<String> STARTS =
      List.of("hello I think", "please tell me why", "it seems that", "since today", "help");

  private static final List<String> ENDS =
      List.of("what can I do", "is that normal", "thank you", "how long does it take", "");

  private record Intent(String name, List<String> phrases) {}

  private static final List<Intent> INTENTS =
      List.of(
          new Intent(
              "card",
              List.of("my card is lost", "the card was stolen", "I cannot find the credit card")),
          new Intent(
              "transfer",
              List.of("my transfer is pending", "the transfer failed", "money was not sent")),
          new Intent("pin", List.of("my pin is blocked", "I forgot the code", "the pin was wrong")),
          new Intent(
              "rate", List.of("the exchange rate is off", "which rate applies", "euro to pounds")));

  private static final Intent NEW =
      new Intent("", List.of("mortgage for our house", "repay the loan early"));

  private MadeTexts() {}

  /** Writes a table of such texts. */
  public static Path write(Path file, int rows, long seed, Fault fault) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    StringBuilder text = new StringBuilder("text,intent\n");
    for (int row = 0; row < rows; row++) {
      boolean isVague = fault == Fault.VAGUE && random.nextInt(4) > 0;
      boolean isNew = fault == Fault.NEW_INTENT && random.nextInt(3) == 0;
      Intent intent = isVague ? INTENTS.getLast() : isNew ? NEW : one(INTENTS, random);
      String said =
          "%s %s no %d, %s"
              .formatted(
                  one(STARTS, random),
                  isVague ? "" : one(intent.phrases, random),
                  random.nextInt(1000),
                  one(ENDS, random));
      text.append('"')
          .append(fault == Fault.TYPOS ? misspelt(said, random) : said)
          .append("\",")
          .append(fault == Fault.SWAPPED_LABELS ? swapped(intent.name) : intent.name)
          .append('\n');
    }
    Files.writeString(file, text);
    return file;
  }

  /** Writes texts of many intents: each has two of its intent's four words and shared ones. */
  public static Path writeMany(Path file, int intents, int rows, long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    StringBuilder text = new StringBuilder("text,intent\n");
    for (int row = 0; row < rows; row++) {
      text.append('"')
          .append(ofMany(row % intents, random))
          .append("\",")
          .append(manyName(row % intents))
          .append('\n');
    }
    Files.writeString(file, text);
    return file;
  }

  /** A text of one of many intents. */
  public static String ofMany(int intent, SplittableRandom random) {
    int first = random.nextInt(4);
    int second = (first + 1 + random.nextInt(3)) % 4;
    return "%s word%dx%d and word%dx%d, %s"
        .formatted(one(STARTS, random), intent, first, intent, second, one(ENDS, random));
  }

  /** The name of one of many intents. */
  public static String manyName(int intent) {
    return "intent-%03d".formatted(intent);
  }

  private static <T> T one(List<T> choices, SplittableRandom random) {
    return choices.get(random.nextInt(choices.size()));
  }

  private static String swapped(String intent) {
    return switch (intent) {
      case "card" -> "transfer";
      case "transfer" -> "card";
      default -> intent;
    };
  }

  private static String misspelt(String text, SplittableRandom random) {
    List<String> words = new ArrayList<>();
    for (String word : text.split(" ", -1)) {
      int at = word.length() / 2;
      words.add(
          word.length() > 2 && random.nextBoolean()
              ? word.substring(0, at - 1)
                  + word.charAt(at)
                  + word.charAt(at - 1)
                  + word.substring(at + 1)
              : word);
    }
    return String.join(" ", words);
  }
}
