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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.bson.Document;
import org.bson.conversions.Bson;
import retune.runtime.StepContext;

/**
 * Sends each notification once over each configured channel, however often the step is retried or
 * killed. The channels work at the same time and each delivery has a deadline, so that a channel
 * that stalls delays no other.
 *
 * <p>A delivery is claimed in the store before it is sent and marked when the channel has accepted
 * it. A claim is a lease: another run takes it over when it expires, a later try of the same task
 * at once, because the earlier try is dead. So two simultaneous tries send once, and a try that was
 * killed before it sent is repeated. A try that was killed between acceptance and mark sends twice,
 * because a repeated alert does less harm than a lost one. PagerDuty's dedup key and the e-mail's
 * Message-ID merge the repetition; a webhook shows it twice.
 */
public final class Notifier {
  private static final Logger LOGGER = System.getLogger(Notifier.class.getName());

  private static final String COLLECTION = "notifications";

  /** Longer than {@link Channel#DEADLINE}. */
  private static final Duration LEASE = Duration.ofMinutes(1);

  /** Open deliveries older than this are not sent any more. */
  private static final Duration OPEN_FOR = Duration.ofDays(7);

  /** Open deliveries of earlier notifications that one call sends as well, for each channel. */
  private static final int SENT_ALONG = 20;

  private final StepContext context;
  private final MongoCollection<Document> notifications;
  private final Map<String, Optional<Channel>> channels;
  private final Duration deadline;

  public Notifier(StepContext context) {
    this(context, Channel.DEADLINE);
  }

  Notifier(StepContext context, Duration deadline) {
    this.context = context;
    this.deadline = deadline;
    this.notifications = context.store().collection(COLLECTION);
    this.channels = Channel.of(context.settings());
  }

  /**
   * Stores the notification, sends it, and sends the open deliveries of earlier notifications.
   *
   * @return for each channel meant for it: {@code sent}, {@code already sent}, {@code failed: …} or
   *     {@code not configured}
   */
  public Map<String, String> send(Notification notification) {
    keep(notification);
    Map<String, Future<Optional<String>>> outcomes = new LinkedHashMap<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      channels.forEach(
          (name, configured) ->
              outcomes.put(
                  name,
                  threads.submit(
                      () ->
                          configured.isEmpty()
                              ? Optional.of("not configured")
                              : sendOver(name, configured.get(), notification))));
    }
    Map<String, String> delivered = new LinkedHashMap<>();
    outcomes.forEach(
        (name, outcome) -> outcomeOf(outcome).ifPresent(text -> delivered.put(name, text)));
    return delivered;
  }

  /** The outcome of a channel's ended work; its failure is this call's. */
  private static Optional<String> outcomeOf(Future<Optional<String>> ended) {
    if (ended.state() == Future.State.FAILED) {
      throw ended.exceptionNow() instanceof RuntimeException failure
          ? failure
          : new IllegalStateException(ended.exceptionNow());
    }
    return ended.resultNow();
  }

  /** Empty where the channel is not meant for the notification. */
  private Optional<String> sendOver(String name, Channel channel, Notification notification) {
    Optional<String> outcome =
        channel.takes(notification)
            ? Optional.of(deliver(name, channel, notification))
            : Optional.empty();
    if (outcome.filter(text -> text.startsWith("failed")).isEmpty()) {
      sendAlong(name, channel, notification);
    }
    return outcome;
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
      deliverInTime(channel, notification);
    } catch (DeliveryException e) {
      String reason = Objects.requireNonNull(e.getMessage());
      LOGGER.log(
          Level.WARNING,
          "Could not send {0} over {1}: {2}. The next notification sends it again.",
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

  /** Delivers on a thread that is abandoned at the deadline; interrupting it closes its socket. */
  private void deliverInTime(Channel channel, Notification notification) throws DeliveryException {
    CompletableFuture<Optional<DeliveryException>> accepted = new CompletableFuture<>();
    Thread delivery =
        Thread.startVirtualThread(
            () -> {
              try {
                channel.deliver(notification);
                accepted.complete(Optional.empty());
              } catch (DeliveryException e) {
                accepted.complete(Optional.of(e));
              } catch (RuntimeException | Error e) {
                accepted.completeExceptionally(e);
              }
            });
    Optional<DeliveryException> failure;
    try {
      failure = accepted.get(deadline.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      delivery.interrupt();
      throw new DeliveryException(
          "the delivery did not end within %s s".formatted(deadline.toMillis() / 1e3));
    } catch (InterruptedException e) {
      delivery.interrupt();
      Thread.currentThread().interrupt();
      throw new DeliveryException("interrupted");
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
    if (failure.isPresent()) {
      throw failure.get();
    }
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
