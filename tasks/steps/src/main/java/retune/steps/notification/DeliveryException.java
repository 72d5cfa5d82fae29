package retune.steps.notification;

/** A channel did not take a notification. The message holds neither an address's path nor a key. */
final class DeliveryException extends Exception {
  private static final long serialVersionUID = 1L;

  DeliveryException(String message) {
    super(message);
  }
}
