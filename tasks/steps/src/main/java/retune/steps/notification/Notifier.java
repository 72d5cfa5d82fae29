package retune.steps.notification;

import static com.mongodb.client.model.Filters.and;
import static com.mongodb.client.model.Filters.eq;
import static com.mongodb.client.model.Filters.exists;
import static com.mongodb.client.model.Filters.gte;
import static com.mongodb.client.model.Filters.lt;
import static com.mongodb.client.model.Filters.lte;
import static com.mongodb.client.model.Filters.ne;
import static com.mongodb.client.model.Filters.or;
import static com.mongodb.client.model.Updates.combine;
import static com.mongodb.client.model.Updates.set;
import static com.mongodb.client.model.Updates.setOnInsert;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.UpdateOptions;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bson.Document;
import org.bson.conversions.Bson;
import retune.runtime.StepContext;

/**
 * Sends each notification once over each configured channel, whatever is retried or killed.
 *
 * <p>A delivery is claimed in the store before it is sent and marked when the channel has accepted
 * it; a claim is a lease, taken over once it has run out, or at once by a later try of the same
 * task (the earlier one is dead). So two tries at once send once, and a try killed before it sent
 * is made good. What remains is a try killed between the channel's acceptance and the mark: its
 * notification is sent again, because an alert told twice does less harm than one never told.
 * PagerDuty's dedup key and the e-mail's Message-ID make that repeat one incident and one e-mail; a
 * webhook shows it twice.
 */
public final class Notifier {
  private static final Logger LOGGER = System.getLogger(Notifier.class.getName());

  private static final String COLLECTION = "notifications";

  /** Longer than a channel may take. */
  private static final Duration LEASE = Duration.ofMinutes(1);

  /** An open delivery older than this is news to nobody. */
  private static final Duration OPEN_FOR = Duration.ofDays(7);

  /** Open deliveries of earlier notifications that one call sends along, for each channel. */
  private static final int SENT_ALONG = 20;

  private final StepContext context;
  private final MongoCollection<Document> notifications;
  private final Map<String, Optional<Channel>> channels;

  public Notifier(StepContext context) {
    this.context = context;
    this.notifications = context.store().collection(COLLECTION);
    this.channels = Channel.of(context.settings());
  }

  /**
   * Keeps the notification, sends it, and sends along what earlier calls could not.
   *
   * @return for each channel meant for it: {@code sent}, {@code already sent}, {@code failed: …} or
   *     {@code not configured}
   */
  public Map<String, String> send(Notification notification) {
    keep(notification);
    Map<String, String> delivered = new LinkedHashMap<>();
    channels.forEach(
        (name, configured) ->
            configured.ifPresentOrElse(
                channel -> {
                  if (channel.takes(notification)) {
                    String outcome = deliver(name, channel, notification);
                    delivered.put(name, outcome);
                    if (outcome.startsWith("failed")) {
                      return;
                    }
                  }
                  sendAlong(name, channel, notification);
                },
                () -> delivered.put(name, "not configured")));
    return delivered;
  }

  private void keep(Notification notification) {
    List<Bson> fields = new ArrayList<>();
    notification.toDocument().forEach((name, value) -> fields.add(setOnInsert(name, value)));
    notifications.updateOne(
        eq("_id", notification.id()), combine(fields), new UpdateOptions().upsert(true));
    channels.forEach(
        (name, configured) -> {
          if (configured.filter(channel -> channel.takes(notification)).isPresent()) {
            notifications.updateOne(
                and(eq("_id", notification.id()), exists(delivery(name), false)),
                set(delivery(name), new Document("lease_until", Instant.EPOCH)));
          }
        });
  }

  private String deliver(String name, Channel channel, Notification notification) {
    if (!claim(name, notification.id())) {
      boolean done =
          notifications.countDocuments(
                  and(eq("_id", notification.id()), exists(delivery(name) + ".delivered_at")))
              > 0;
      return done ? "already sent" : "failed: another try of this step is sending it";
    }
    try {
      channel.deliver(notification);
    } catch (DeliveryException e) {
      String reason = Objects.requireNonNull(e.getMessage());
      LOGGER.log(
          Level.WARNING,
          "Could not send {0} over {1}: {2}; it goes along with the next notification.",
          notification.id(),
          name,
          reason);
      notifications.updateOne(
          and(eq("_id", notification.id()), mine(name)),
          set(
              delivery(name),
              new Document("lease_until", context.clock().instant()).append("failure", reason)));
      return "failed: " + reason;
    }
    notifications.updateOne(
        eq("_id", notification.id()),
        set(delivery(name), new Document("delivered_at", context.clock().instant())));
    return "sent";
  }

  private boolean claim(String name, String id) {
    Instant now = context.clock().instant();
    Bson free = lte(delivery(name) + ".lease_until", now);
    Bson leftByEarlierTry =
        and(
            eq(delivery(name) + ".task", context.run().eventKey()),
            lt(delivery(name) + ".try_number", context.run().tryNumber()));
    Document claim =
        new Document("lease_until", now.plus(LEASE))
            .append("task", context.run().eventKey())
            .append("try_number", context.run().tryNumber());
    return notifications
            .updateOne(and(eq("_id", id), or(free, leftByEarlierTry)), set(delivery(name), claim))
            .getModifiedCount()
        == 1;
  }

  private Bson mine(String name) {
    return and(
        eq(delivery(name) + ".task", context.run().eventKey()),
        eq(delivery(name) + ".try_number", context.run().tryNumber()));
  }

  private void sendAlong(String name, Channel channel, Notification sent) {
    Instant now = context.clock().instant();
    List<Document> open =
        notifications
            .find(
                and(
                    lte(delivery(name) + ".lease_until", now),
                    gte("timestamp", now.minus(OPEN_FOR).toString()),
                    ne("_id", sent.id())))
            .limit(SENT_ALONG)
            .into(new ArrayList<>());
    for (Document document : open) {
      if (deliver(name, channel, Notification.ofDocument(document)).startsWith("failed")) {
        return;
      }
    }
  }

  private static String delivery(String channel) {
    return "deliveries." + channel;
  }
}
