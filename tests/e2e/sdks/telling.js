// Plays a trip with the SDK of the page, which is called `sdk`: as many calls at a time as asked.

const script = [];

function play(count) {
  for (const call of script.splice(0, count)) {
    if (call.call === "track") sdk.track(call.event, call.properties);
    else if (call.call === "page") sdk.page(call.category, call.name, call.properties);
    else if (call.call === "identify") sdk.identify(call.user, call.traits);
    else if (call.call === "group") sdk.group(call.group, call.traits);
    else sdk.alias(call.user, call.previous);
  }
}
