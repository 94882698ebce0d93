# GET: a greeting. POST: what was sent comes back.
printf 'Content-Type: text/plain\n\n'
if [ "$REQUEST_METHOD" = POST ]; then
    head -c "$CONTENT_LENGTH"
else
    printf 'The shell says hello to %s\n' "$REQUEST_URI"
fi
